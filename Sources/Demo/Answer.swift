/// The statuses that the origin speaks.
enum Status: Int, CaseIterable {
    case switchingProtocols = 101
    case ok = 200
    case badRequest = 400
    case notFound = 404
    case methodNotAllowed = 405
    case contentTooLarge = 413
    case upgradeRequired = 426
    case fieldsTooLarge = 431
    case serviceUnavailable = 503
    case versionNotSupported = 505

    var reason: String {
        switch self {
        case .switchingProtocols: "Switching Protocols"
        case .ok: "OK"
        case .badRequest: "Bad Request"
        case .notFound: "Not Found"
        case .methodNotAllowed: "Method Not Allowed"
        case .contentTooLarge: "Content Too Large"
        case .upgradeRequired: "Upgrade Required"
        case .fieldsTooLarge: "Request Header Fields Too Large"
        case .serviceUnavailable: "Service Unavailable"
        case .versionNotSupported: "HTTP Version Not Supported"
        }
    }
}

/// An answer's head, and its body where that is known whole.
struct Answer {
    enum Framing: Equatable {
        /// The body is `body`.
        case whole
        /// The endpoint writes so many bytes.
        case length(Int)
        /// The endpoint writes until it is through: chunked, or to an HTTP/1.0 client until the end of the
        /// connection.
        case streamed
        /// No body and no framing: what follows is another protocol.
        case none
    }

    var status: Status = .ok
    var type = "application/json"
    var fields: [(name: String, value: String)] = []
    var framing: Framing = .whole
    var body: [UInt8] = []

    static func json(_ text: String, status: Status = .ok) -> Answer {
        Answer(status: status, body: Array((text + "\n").utf8))
    }

    static func text(_ text: String) -> Answer {
        Answer(type: "text/plain; charset=utf-8", body: Array(text.utf8))
    }

    static func problem(_ status: Status) -> Answer {
        .json("{\"error\": \(JSONText.quoted(status.reason))}", status: status)
    }

    /// The head as it goes to the client. `Server` and `X-Powered-By` are there for the gateway to remove.
    func head(for request: DemoRequest?, keepsAlive: Bool) -> [UInt8] {
        var text = "HTTP/1.1 \(status.rawValue) \(status.reason)\r\n"
        text += "Server: demo-origin/1.0\r\nX-Powered-By: demo-origin\r\nDate: \(Clock.httpDate())\r\n"
        for field in fields { text += "\(field.name): \(field.value)\r\n" }
        switch framing {
        case .whole: text += "Content-Type: \(type)\r\nContent-Length: \(body.count)\r\n"
        case .length(let count): text += "Content-Type: \(type)\r\nContent-Length: \(count)\r\n"
        case .streamed:
            text += "Content-Type: \(type)\r\n"
            if request?.isHTTP10 != true { text += "Transfer-Encoding: chunked\r\n" }
        case .none: break
        }
        if framing != .none { text += "Connection: \(keepsAlive ? "keep-alive" : "close")\r\n" }
        return Array((text + "\r\n").utf8)
    }
}

/// Writes one answer: the head at once, then the body in the pieces that an endpoint has.
struct AnswerWriter {
    private let connection: Connection
    private let isHead: Bool
    private let isChunked: Bool
    /// Whether another request may follow on the connection.
    let keepsAlive: Bool

    init(_ answer: Answer, to request: DemoRequest, on connection: Connection) throws(ConnectionEnd) {
        self.connection = connection
        isHead = request.method == "HEAD"
        isChunked = answer.framing == .streamed && !request.isHTTP10
        keepsAlive = request.keepsAlive && (answer.framing != .streamed || isChunked)
        let head = answer.head(for: request, keepsAlive: keepsAlive)
        try connection.write(isHead ? head : head + answer.body)
    }

    func write(_ bytes: [UInt8]) throws(ConnectionEnd) {
        guard !isHead, !bytes.isEmpty else { return }
        guard isChunked else { return try connection.write(bytes) }
        try connection.write(Array("\(String(bytes.count, radix: 16))\r\n".utf8) + bytes + [0x0D, 0x0A])
    }

    func write(_ text: String) throws(ConnectionEnd) { try write(Array(text.utf8)) }

    /// Ends a streamed body; true where the connection may serve on.
    func end() throws(ConnectionEnd) -> Bool {
        if isChunked, !isHead { try connection.write(Array("0\r\n\r\n".utf8)) }
        return keepsAlive
    }
}
