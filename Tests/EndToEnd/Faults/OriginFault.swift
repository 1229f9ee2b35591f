import Testing

/// One way in which an origin misbehaves, and everything that is to come of it: for the client that asked,
/// for its connection, for the connection to the origin, for the log, and for whoever asks next.
struct OriginFault: CustomTestStringConvertible, Sendable {
    typealias Step = ScriptedOrigin.Step

    /// What answers, or does not, behind the upstream's address.
    enum Listener: Sendable {
        case tcp, ipv6, unix
        /// Nobody: connects are refused.
        case nobody
        /// A listener that never takes a connection out of its backlog, which the kernel makes all the same.
        case deaf
        /// A backlog that is full: connects are never answered.
        case blackHole
    }

    /// How the origin goes on behind its steps.
    enum Ending: Sendable {
        /// Serves further requests on the same connection.
        case stays
        case closes, resets
        /// The steps themselves ended it, or waited for its end.
        case isOver
    }

    /// The request that meets the fault.
    struct Request: Sendable {
        var method = "GET"
        var version = "HTTP/1.1"
        var fields: [String] = []
        /// The framing of a body that is not told by a length.
        var framing: String?
        var body = ""
        /// Bytes of the body that are announced and sent only once the answer is here; sent behind `body`.
        var withheld = 0

        static let get = Request()
        static let head = Request(method: "HEAD")
        static let old = Request(version: "HTTP/1.0")
        static let delete = Request(method: "DELETE")
        static let post = Request(method: "POST", body: "hello")
        static let chunkedPost = Request(
            method: "POST", framing: "Transfer-Encoding: chunked", body: "5\r\nhello\r\n0\r\n\r\n")

        /// A body of so many bytes that the client holds back.
        static func upload(_ length: Int, _ fields: String...) -> Request {
            Request(method: "POST", fields: fields, withheld: length)
        }

        /// How its body is framed, which the gateway says anew behind all other fields.
        private var framingFields: [String] {
            if let framing { return [framing] }
            return method == "POST" ? ["Content-Length: \(body.utf8.count + withheld)"] : []
        }

        func text(_ path: String) -> String {
            EndToEnd.request("\(method) \(path) \(version)", fields + framingFields)
                + body
        }

        /// What the origin receives of it: its head alone, where its body was not whole.
        func forwarded(_ path: String, by gateway: GatewayProcess) -> String {
            gateway.forwarded(
                "\(method) \(path)", fields, closing: framingFields,
                body: withheld > 0 ? "" : body)
        }
    }

    /// What the client sees.
    enum Seen: Sendable {
        /// Exactly these bytes, and they are a whole answer.
        case whole(String)
        /// The gateway's own answer, with this detail.
        case refused(Int, String)
        /// Exactly these bytes, which are no whole answer, and then a reset.
        case cut(String)

        static let invalid = Seen.refused(502, "The service gave an answer that is not valid HTTP.")
        static let brokenOff = Seen.refused(502, "The service broke off before it had answered.")
        static let unreachable = Seen.refused(502, "The service could not be reached.")
        static let late = Seen.refused(504, "The service did not answer in time.")

        /// An answer as the gateway passes it on, whole.
        static func answer(
            _ status: String = "200 OK", _ fields: String..., closing: [String] = [], body: String = ""
        ) -> Seen { .whole(passed(status, fields, closing, body)) }

        /// The same with an end that is missing.
        static func beginning(
            _ status: String = "200 OK", _ fields: String..., closing: [String] = [], body: String = ""
        ) -> Seen { .cut(passed(status, fields, closing, body)) }

        /// The origin's fields, then the gateway's own, as they are masked.
        private static func passed(
            _ status: String, _ fields: [String], _ closing: [String], _ body: String
        ) -> String {
            let own = ["X-Request-Id: *"] + (fields.contains { $0.hasPrefix("Date:") } ? [] : ["Date: *"])
            let lines = ["HTTP/1.1 \(status)"] + fields + own + closing + ["", body]
            return lines.joined(separator: "\r\n")
        }

        /// The status that the log names.
        var status: Int {
            switch self {
            case .refused(let status, _): status
            case .whole(let text), .cut(let text):
                Self.finalStatus(text.components(separatedBy: "\r\n\r\n"))
            }
        }

        private static func finalStatus(_ parts: [String]) -> Int {
            let statuses = parts.filter { $0.hasPrefix("HTTP/1.1 ") }.compactMap {
                Int($0.dropFirst(9).prefix(3))
            }
            return statuses.first { $0 >= 200 } ?? 0
        }

        fileprivate var usualOutcome: String {
            switch self {
            case .whole: "ok"
            case .refused: "upstream.response"
            case .cut: "upstream.body"
            }
        }

        fileprivate var leavesConnection: Bool {
            if case .cut = self { return false }
            return true
        }
    }

    let name: String
    let steps: [Step]
    let ending: Ending
    let request: Request
    let listener: Listener
    /// Further keys of the upstream's settings.
    let upstream: String
    /// The connection has served a request before this one.
    let onKept: Bool
    let seen: Seen
    /// The code in the access log.
    let outcome: String
    /// Whether the client's connection serves another request afterwards.
    let keepsClient: Bool
    /// Whether the connection to the origin does.
    let reuses: Bool
    /// Attempts beyond the first, as the log counts them.
    let retries: Int
    /// How often the origin received the request.
    let sightings: Int
    /// Opened once the client has the answer's head.
    let gate: Gate?

    var testDescription: String { name }

    init(
        _ name: String, _ steps: [Step], end ending: Ending = .stays, to request: Request = .get,
        listener: Listener = .tcp, upstream: String = "", onKept: Bool = false, gate: Gate? = nil,
        _ seen: Seen, outcome: String? = nil, keepsClient: Bool? = nil, reuses: Bool = false,
        retries: Int = 0,
        sightings: Int = 1
    ) {
        self.name = name
        self.steps = steps
        self.ending = ending
        self.request = request
        self.listener = listener
        self.upstream = upstream
        self.onKept = onKept
        self.seen = seen
        self.outcome = outcome ?? seen.usualOutcome
        self.keepsClient = keepsClient ?? seen.leavesConnection
        self.reuses = reuses
        self.retries = retries
        self.sightings = sightings
        self.gate = gate
    }

    /// The origin reads the request and sends these bytes at once.
    static func wire(
        _ name: String, _ text: String, end ending: Ending = .stays, to request: Request = .get,
        upstream: String = "", onKept: Bool = false, _ seen: Seen, outcome: String? = nil,
        keepsClient: Bool? = nil, reuses: Bool = false
    ) -> OriginFault {
        OriginFault(
            name, [.expectRequest, .send(text)], end: ending, to: request, upstream: upstream, onKept: onKept,
            seen,
            outcome: outcome, keepsClient: keepsClient, reuses: reuses)
    }

    /// The same in two parts: the second leaves once the client has the answer's head.
    static func later(
        _ name: String, _ text: String, then rest: String, end ending: Ending = .stays,
        to request: Request = .get,
        upstream: String = "", _ seen: Seen, outcome: String? = nil, keepsClient: Bool? = nil,
        reuses: Bool = false
    ) -> OriginFault {
        let gate = Gate()
        return OriginFault(
            name, [.expectRequest, .send(text), .waitFor(gate), .send(rest)], end: ending, to: request,
            upstream: upstream, gate: gate, seen, outcome: outcome, keepsClient: keepsClient, reuses: reuses)
    }

    /// The scripts of the origin's connections: what comes before the fault, the fault, and one that serves.
    var scripts: [[Step]] {
        let serving: [Step] = [.forever([.expectRequest, .respond(body: "again")])]
        let before: [Step] = onKept ? [.expectRequest, .respond(body: "before")] : []
        let behind: [Step] =
            switch ending {
            case .stays: serving
            case .closes: [.close]
            case .resets: [.reset]
            case .isOver: []
            }
        let answer =
            "HTTP/1.1 200 Scripted\r\nContent-Length: 5\r\n\r\n" + (request.method == "HEAD" ? "" : "again")
        let repeated: [Step] = sightings > 1 ? [.expectRequest, .send(answer)] : []
        return [before + steps + behind, repeated + serving]
    }
}
