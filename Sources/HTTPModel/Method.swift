import Bytes

/// A request method (RFC 9110 §9). `other` is any token besides; its bytes stand in the head.
@usableFromInline
package enum Method: UInt8, CaseIterable, Sendable {
    case get, head, post, put, delete, options, patch, trace, connect, other

    /// The method's token; nil for `other`.
    package var token: StaticString? {
        switch self {
        case .get: "GET"
        case .head: "HEAD"
        case .post: "POST"
        case .put: "PUT"
        case .delete: "DELETE"
        case .options: "OPTIONS"
        case .patch: "PATCH"
        case .trace: "TRACE"
        case .connect: "CONNECT"
        case .other: nil
        }
    }

    /// Methods are case-sensitive (RFC 9110 §9.1).
    package init(_ bytes: ByteView) {
        let known: Method =
            switch bytes.count {
            case 3: bytes[0] == 0x47 ? .get : .put
            case 4: bytes[0] == 0x50 ? .post : .head
            case 5: bytes[0] == 0x50 ? .patch : .trace
            case 6: .delete
            case 7: bytes[0] == 0x4F ? .options : .connect
            default: .other
            }
        guard let token = known.token, bytes.equals(token) else {
            self = .other
            return
        }
        self = known
    }

    /// Whether sending the request twice has the effect of sending it once (RFC 9110 §9.2.2).
    package var isIdempotent: Bool {
        switch self {
        case .get, .head, .put, .delete, .options, .trace: true
        case .post, .patch, .connect, .other: false
        }
    }
}
