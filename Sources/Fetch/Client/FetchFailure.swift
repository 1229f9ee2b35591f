import Addressing
import HTTP1
import Reactor
import TLS

/// Why there is no answer.
package enum FetchFailure: Error, Equatable, Sendable {
    package enum Phase: String, Sendable {
        case turn = "its turn"
        case lookup = "the name's look-up"
        case connect = "the connection"
        case handshake = "the TLS handshake"
        case head = "the answer's head"
        case body = "the rest of the answer"
    }

    /// As many requests as may be at work or waiting.
    case busy
    case stopped
    /// A field or a body that cannot be sent.
    case invalidRequest
    case noAddress(reason: String)
    /// Every address is where the gateway does not go without permission.
    case addressRefused(IPAddress, AddressScope)
    case unreachable(SystemError)
    case tls(TLSFailure)
    case timedOut(waitingFor: Phase)
    /// The connection ended before the answer was whole.
    case cutOff
    case notHTTP(HeadError)
    /// More interim answers than anybody needs, another protocol, or a body whose framing is broken.
    case badAnswer
    case headTooLarge
    /// Longer than so many bytes.
    case bodyTooLarge(limit: Int)
    /// Redirects are not followed: the operator has named the target. The host it points to, where it names
    /// one.
    case redirected(status: Int, host: String?)
    /// A content coding nobody has asked for.
    case encoded
}

extension FetchFailure: CustomStringConvertible {
    package var description: String {
        switch self {
        case .busy: "too many requests are waiting already"
        case .stopped: "the gateway stops"
        case .invalidRequest: "the request cannot be sent: a field or the body is not valid or too long"
        case .noAddress(let reason): "the name has no address: \(reason)"
        case .addressRefused(let address, let scope):
            scope.isLocalNetwork
                ? "\(address) is a \(scope.rawValue) address; allow_private: true beside the URL allows it"
                : "\(address) is a \(scope.rawValue) address, which is never asked"
        case .unreachable(let error): "cannot be reached: \(error)"
        case .tls(let failure): "TLS: \(failure.description)"
        case .timedOut(let phase): "waited too long for \(phase.rawValue)"
        case .cutOff: "the connection ended before the answer was whole"
        case .notHTTP(let error): "the answer is not HTTP: \(error.detail)"
        case .badAnswer: "the answer is not valid HTTP"
        case .headTooLarge: "the answer's head is too large"
        case .bodyTooLarge(let limit): "the answer has more than \(limit) bytes"
        case .redirected(let status, let host):
            "redirected (\(status)) to \(host ?? "another path of its own"); redirects are not followed"
        case .encoded: "the answer is compressed, which was not asked for"
        }
    }
}
