import Foundation
import Testing

/// One row of a table: what a client sends, byte for byte, and what becomes of it.
///
/// All texts are Latin-1: `\u{FF}` is the one byte 0xFF. `MARK` stands for four characters that no other
/// case has; by them the origin tells whose a request is.
struct HostileCase: CustomTestStringConvertible, Sendable {
    let name: String
    let text: String
    let fate: Fate

    enum Fate: Sendable {
        /// The gateway answers, and the origin sees no request.
        case refused(Refusal)
        /// The origin sees exactly these requests, and each is answered with 200.
        case forwarded([Seen])
        /// As above, but the connection ends with the last answer, and nothing behind it is served.
        case forwardedLast(Seen)
        /// The connection is closed without an answer, and nothing goes on.
        case dropped
        /// The origin sees this request; what stands behind it is refused as the head of a next one.
        case forwardedThen(Seen, Refusal)
    }

    /// The gateway's own answer.
    struct Refusal: Sendable {
        var status = 400
        /// The code in the access log and in `floodgate_outcomes_total`.
        var outcome = "client.head"
        /// The label in `floodgate_head_errors_total`; nil where it is not the head's fault.
        var kind: String?
        /// Of a request behind the first, where one can be read.
        var method: String?
        /// Whether the connection goes on.
        var persists = false
        /// False where settings wrote the answer.
        var isProblem = true
        /// What may have gone on before the fault was met: the head and a part of the body, never its end.
        var begun: Seen?
    }

    init(_ name: String, _ text: String, _ fate: Fate) {
        self.name = name
        self.text = text
        self.fate = fate
    }

    var testDescription: String { name }

    func bytes(mark: String) -> [UInt8] { text.marked(mark).latin1 }

    // MARK: Refusals

    /// A head that is refused; the connection ends.
    static func head(_ name: String, _ text: String, _ status: Int = 400, _ kind: String = "malformed")
        -> HostileCase
    {
        HostileCase(name, text, .refused(Refusal(status: status, kind: kind)))
    }

    /// A POST with these lines whose head is refused.
    static func lines(
        _ name: String, _ lines: String..., body: String = "", status: Int = 400, kind: String = "malformed"
    ) -> HostileCase {
        head(name, hostile("POST /MARK", lines, body), status, kind)
    }

    /// A POST whose framing is refused.
    static func framing(_ name: String, _ lines: String..., body: String = "") -> HostileCase {
        head(name, hostile("POST /MARK", lines, body), 400, "framing")
    }

    /// A chunked body that is refused, and as much of its payload as may have gone on before.
    static func chunks(_ name: String, _ body: String, before payload: String = "") -> HostileCase {
        let begun = Seen("POST /MARK", payload: payload, isChunked: true)
        return HostileCase(
            name, hostile("POST /MARK", ["Transfer-Encoding: chunked"], body),
            .refused(Refusal(outcome: "client.request", begun: begun)))
    }

    /// Refused by what it asks for, not for how: the connection goes on.
    static func policy(_ name: String, _ text: String, _ status: Int, kind: String? = nil) -> HostileCase {
        HostileCase(
            name, text,
            .refused(Refusal(status: status, outcome: "gateway.policy", kind: kind, persists: true)))
    }

    // MARK: What goes on

    static func forwarded(_ name: String, _ text: String, _ seen: Seen...) -> HostileCase {
        HostileCase(name, text, .forwarded(seen))
    }

    /// A GET with these lines, of which the origin sees `kept`.
    static func fields(
        _ name: String, _ lines: [String], kept: [String] = [], closing: [String] = []
    ) -> HostileCase {
        forwarded(name, hostile("GET /MARK", lines), Seen("GET /MARK", kept, closing: closing))
    }

    /// A request, and bytes behind it that are none.
    static func then(
        _ name: String, _ text: String, _ seen: Seen, kind: String = "malformed", status: Int = 400,
        method: String? = nil
    ) -> HostileCase {
        HostileCase(name, text, .forwardedThen(seen, Refusal(status: status, kind: kind, method: method)))
    }

    static func last(_ name: String, _ text: String, _ seen: Seen) -> HostileCase {
        HostileCase(name, text, .forwardedLast(seen))
    }
}

/// A request as the origin must have received it: every byte but the ids that the gateway draws.
struct Seen: Sendable {
    /// Method and target.
    var line: String
    /// Lines of the client that go on, as it wrote them.
    var fields: [String]
    var host = "here"
    /// Where the request came from. `PORT` stands for the gateway's own.
    var way: [String]
    var requestID = "*"
    var trace: String? = "*"
    /// Behind the gateway's own lines.
    var closing: [String]
    var payload: String
    var isChunked: Bool
    var trailers: [String]

    init(
        _ line: String, _ fields: [String] = [], host: String = "here", way: [String]? = nil,
        closing: [String] = [], payload: String = "", isChunked: Bool = false, trailers: [String] = []
    ) {
        self.line = line
        self.fields = fields
        self.host = host
        self.way = way ?? Seen.way(host: host)
        self.closing = closing
        self.payload = payload
        self.isChunked = isChunked
        self.trailers = trailers
        if isChunked {
            self.closing.append("Transfer-Encoding: chunked")
        } else if !payload.isEmpty {
            self.closing.append("Content-Length: \(payload.latin1.count)")
        }
    }

    /// What the origin is told about a client of the tests.
    static func way(
        list: String = "127.0.0.1", client: String = "127.0.0.1", proto: String = "http",
        host: String = "here", port: String = "PORT"
    ) -> [String] {
        [
            "X-Forwarded-For: \(list)", "X-Real-IP: \(client)", "X-Forwarded-Proto: \(proto)",
            "X-Forwarded-Host: \(host)", "X-Forwarded-Port: \(port)",
        ]
    }

    /// The head, its empty line included.
    func head(mark: String, port: UInt16) -> [UInt8] {
        let trace = trace.map { ["traceparent: \($0)"] } ?? []
        let own = way + ["X-Request-Id: \(requestID)"] + trace
        let lines = ["\(line) HTTP/1.1", "Host: \(host)"] + fields + own + closing + ["", ""]
        let text = lines.joined(separator: "\r\n").replacingOccurrences(of: "PORT", with: "\(port)")
        return text.marked(mark).latin1
    }

    /// The body in one piece.
    func body(mark: String) -> [UInt8] {
        let payload = payload.marked(mark).latin1
        guard isChunked else { return payload }
        let size = String(payload.count, radix: 16)
        let chunk = payload.isEmpty ? [] : "\(size)\r\n".latin1 + payload + "\r\n".latin1
        return chunk + "0\r\n".latin1 + trailers.map { $0 + "\r\n" }.joined().latin1 + "\r\n".latin1
    }
}

/// A request as it is written in the tables.
func hostile(_ line: String, _ lines: [String] = [], _ body: String = "") -> String {
    (["\(line) HTTP/1.1", "Host: here"] + lines + ["", body]).joined(separator: "\r\n")
}

/// The name of a byte in a case's name.
func named(_ byte: UInt8) -> String { "0x" + (byte < 16 ? "0" : "") + String(byte, radix: 16) }

extension String {
    /// One byte for each scalar, all of which are below 256.
    var latin1: [UInt8] { unicodeScalars.map { UInt8($0.value) } }

    init(latin1 bytes: some Sequence<UInt8>) {
        self.init(String.UnicodeScalarView(bytes.map { Unicode.Scalar($0) }))
    }

    func marked(_ mark: String) -> String { replacingOccurrences(of: "MARK", with: mark) }
}
