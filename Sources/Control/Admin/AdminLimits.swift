import HTTP1
import Time

/// What one client of the admin listener may take. Not in the settings: operators' tools need no more, and
/// nobody else should get any.
package struct AdminLimits: Sendable {
    /// Connections at once. When one more comes, that one ends which has waited longest for its request.
    package var connections = 64
    /// Bytes of a request's head.
    package var head = 16_384
    /// Bytes of a request's body.
    package var body = 65_536
    /// From accepting to the last byte of the request.
    package var request = Duration.seconds(5)
    /// From the first byte of the answer to the last.
    package var answer = Duration.seconds(5)
    /// How long what the client still sends is read and dropped once it has its answer. Closing over unread
    /// bytes would make the kernel reset the connection, and the answer could be lost.
    package var linger = Duration.seconds(1)

    package init() {}
}
