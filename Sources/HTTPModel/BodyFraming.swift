/// How the end of a message's body is known (RFC 9112 §6.3).
@usableFromInline
package enum BodyFraming: Equatable, Sendable {
    /// There is no body.
    case none
    /// Content-Length: this many bytes, at least one.
    case length(Int)
    /// Transfer-Encoding: chunked.
    case chunked
    /// Answers only: the body ends with the connection.
    case untilClose
}
