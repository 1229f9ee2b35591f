/// What one HTTP/2 connection may take.
package struct HTTP2Limits: Equatable, Sendable {
    /// Streams that the peer may have open at once.
    package var streams = 100
    /// Bytes that a peer may send on a stream before they have been passed on.
    package var streamWindow = 65_535
    /// The same for all streams of a connection together.
    package var connectionWindow = 1 << 20
    /// Bytes of a head: names and values, and 32 more for each field (RFC 9113 §6.5.2).
    package var head = 32 << 10

    package init() {}
}
