import Addressing
import Bytes

/// One question to a service that the operator has named.
package struct FetchRequest: Sendable {
    package enum Method: Sendable {
        case get
        case post(body: [UInt8], contentType: String)

        var name: String {
            switch self {
            case .get: "GET"
            case .post: "POST"
            }
        }
    }

    package let url: HTTPURL
    package var method = Method.get
    /// Beside those that are always sent.
    package var fields: [(name: String, value: String)] = []
    package var trust = FetchTrust.system
    package var reach = FetchReach.global
    package var deadlines = FetchDeadlines()
    /// Bytes of the answer's body.
    package var bodyLimit = 1 << 20

    package init(_ url: HTTPURL) { self.url = url }

    /// Bytes of a request's body.
    package static let longestBody = 256 << 10
    /// Bytes of a request's head.
    static let longestHead = 16 << 10

    /// The request as it is sent; nil where a field is none, or where it is too long.
    func message() -> [UInt8]? {
        var text = "\(method.name) \(url.target) HTTP/1.1\r\nHost: \(url.authority)\r\n"
        text +=
            "User-Agent: floodgate\r\nAccept: application/json, */*;q=0.5\r\nAccept-Encoding: identity\r\n"
        for field in fields {
            guard !field.name.isEmpty, field.name.utf8.allSatisfy(ASCII.isToken),
                field.value.utf8.allSatisfy(ASCII.isFieldContent)
            else { return nil }
            text += "\(field.name): \(field.value)\r\n"
        }
        var body: [UInt8] = []
        if case .post(let bytes, let contentType) = method {
            guard bytes.count <= Self.longestBody, contentType.utf8.allSatisfy(ASCII.isFieldContent) else {
                return nil
            }
            text += "Content-Type: \(contentType)\r\nContent-Length: \(bytes.count)\r\n"
            body = bytes
        }
        guard text.utf8.count <= Self.longestHead else { return nil }
        return Array((text + "\r\n").utf8) + body
    }
}

/// Whose certificates are believed.
package enum FetchTrust: Hashable, Sendable {
    /// What the system's authorities have signed.
    case system
    /// What these authorities have signed, PEM.
    case authorities([UInt8])
}

/// Where a target may be (security.md 15).
package enum FetchReach: Hashable, Sendable {
    /// Only where everybody can reach it.
    case global
    /// Also on this machine and on private networks: the operator has said so beside the URL.
    case local

    package func allows(_ scope: AddressScope) -> Bool {
        switch self {
        case .global: scope == .global
        case .local: scope == .global || scope.isLocalNetwork
        }
    }
}

/// How long each part may take.
package struct FetchDeadlines: Hashable, Sendable {
    /// From the beginning to the connection, the name's look-up included.
    package var connect = Duration.seconds(3)
    package var handshake = Duration.seconds(3)
    /// From the request to the end of the answer's head.
    package var head = Duration.seconds(5)
    /// For all of it, waiting for a turn included.
    package var total = Duration.seconds(10)

    package init() {}

    /// All of it within `limit`.
    package init(total limit: Duration) {
        connect = min(connect, limit)
        handshake = min(handshake, limit)
        head = min(head, limit)
        total = limit
    }
}
