import Bytes
import HTTPModel

/// Answers what browsers ask before they let a page send a request (Fetch standard §3.2.2): before limits and
/// authentication, which a preflight cannot pass, and without asking a backend.
package enum PreflightFilter {
    /// - Parameter policy: The route's; nil lets the request go on as any other.
    package static func decide(_ exchange: borrowing ExchangeState, _ policy: CORSPolicy?) -> Verdict {
        guard let policy, Preflight.isOne(exchange.head) else { return .next }
        return .respond(answer(to: exchange, policy))
    }

    /// An origin that may not read answers is told so with 403, as its request would fail in the browser
    /// whatever the status: whoever looks into the log sees it.
    static func answer(to exchange: borrowing ExchangeState, _ policy: CORSPolicy) -> LocalResponse {
        policy.grant(exchange.origin) == .none ? refusal : granted
    }

    private static let granted = LocalResponse(status: 204, title: "", detail: "", content: .preflight)

    private static let refusal = LocalResponse(
        status: 403, title: "Forbidden",
        detail: "Pages of this origin may not ask here: it is not among those that the settings name.")
}

/// What a preflight asks (Fetch standard §3.2.2).
enum Preflight {
    /// Whether a request is one: OPTIONS that names an origin and a method. Any other OPTIONS is for the
    /// backend.
    @inline(__always)
    static func isOne(_ head: borrowing RequestHead) -> Bool {
        head.method == .options && method(in: head) != nil
    }

    /// Index of the field that names the method asked for; nil where the request is no preflight.
    static func method(in head: borrowing RequestHead) -> Int? {
        guard head.method == .options, head.fields.contains(.origin) else { return nil }
        return index(of: "access-control-request-method", in: head)
    }

    static func value(of name: StaticString, in head: borrowing RequestHead) -> ByteView? {
        index(of: name, in: head).map { head.value(at: $0) }
    }

    /// Index of the first field of a name that the gateway has no case for.
    private static func index(of name: StaticString, in head: borrowing RequestHead) -> Int? {
        for index in 0..<head.fields.count {
            let field = head.fields[index]
            guard field.name == .other, Int(field.nameLength) == name.utf8CodeUnitCount,
                head.name(at: index).equalsIgnoringCase(name)
            else { continue }
            return index
        }
        return nil
    }

    /// Whether `list` is made of field names, commas and blanks: what an answer may repeat.
    static func isNames(_ list: ByteView, limit: Int) -> Bool {
        guard !list.isEmpty, list.count <= limit else { return false }
        for index in 0..<list.count {
            let byte = list[index]
            guard ASCII.isToken(byte) || byte == 0x2C || ASCII.isBlank(byte) else { return false }
        }
        return true
    }
}
