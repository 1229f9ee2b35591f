import Foundation

/// One answer that the gateway makes itself, and the request that brings it about (R14).
///
/// A further row is one line of `OwnAnswerTable`, and a route or an upstream of `OwnAnswerHouse` where none
/// does.
struct OwnAnswer: Sendable, CustomStringConvertible {
    enum Content: Equatable, Sendable {
        /// `application/problem+json`, with this `error` member and this rule where there are any.
        case problem(error: String? = nil, rule: String? = nil)
        /// What the operator wrote.
        case own(type: String, body: String)
        /// `{"ok":…}`
        case health
        case empty
        /// A head that is its own trailers, with this `grpc-status`.
        case call(Int)
    }

    enum Door: Sendable { case main, redirect }

    /// The stage, or the case of `Failure`.
    let name: String
    let status: Int
    /// Method and path.
    let line: String
    var fields: [String] = []
    var body = ""
    /// Instead of line, fields and body: bytes of HTTP/1.1, in which `{origin}` is the line of that name.
    var raw: String?
    var content = Content.problem()
    /// Whether trying again may help, so that Retry-After says when.
    var retries = false
    /// A field that the answer must have.
    var also: (name: String, value: String)?
    var door = Door.main
    var byHTTP1 = true
    var byHTTP2 = true

    var description: String { "\(name), \(status)" }

    /// What nobody but the gateway and its backends may see.
    static let secret = "s3cret-0f-the-client"
    private static let credentials = ["Authorization: Bearer \(secret)", "Cookie: sid=\(secret)"]

    /// What the client shows, unless the row has its own.
    private var shown: [String] {
        Self.credentials.filter { $0.hasPrefix("Cookie") || !isSelfIdentified }
    }

    private var isSelfIdentified: Bool {
        fields.contains { $0.hasPrefix("Authorization") } || line.hasSuffix("/once")
            || line.hasSuffix("/held")
    }

    func text(origin: String) -> String {
        if let raw { return raw.replacing("{origin}", with: "Origin: \(origin)\r\n") }
        let length =
            body.isEmpty
                || fields.contains { $0.hasPrefix("Transfer-Encoding") || $0.hasPrefix("Content-Length") }
            ? [] : ["Content-Length: \(body.utf8.count)"]
        return request(
            "\(line) HTTP/1.1", ["Origin: \(origin)"] + shown + fields + length) + body
    }

    /// Opens a stream with the request.
    func send(to client: HTTP2Client, _ stream: UInt32, origin: String) throws {
        let parts = line.split(separator: " ").map(String.init)
        // The origin last: it is found behind whatever is too large.
        let lines = (shown + fields + ["Origin: \(origin)"]).map { line -> (String, String) in
            let colon = line.firstIndex(of: ":") ?? line.endIndex
            return (line[..<colon].lowercased(), String(line[colon...].dropFirst(2)))
        }
        try client.request(stream, parts[0], parts[1], lines, body.isEmpty ? .whole : .endHeaders)
        if !body.isEmpty { try client.send(.data(stream, Array(body.utf8), .endStream)) }
    }

    /// What is wrong with an answer; nil where nothing is.
    ///
    /// - Parameter isAllowed: Whether pages of the origin that asked may read answers.
    func fault(_ answer: PlainAnswer, origin: String, isAllowed: Bool) -> String? {
        if answer.status != status { return "\(answer.status) instead of \(status): \(answer.body)" }
        let exposed = "expose-headers: Retry-After, X-Request-Id"
        var words = isAllowed ? ["allow-credentials: true", "allow-origin: \(origin)", exposed] : []
        if status == 204, line.hasPrefix("OPTIONS /") { words.removeAll { $0 == exposed } }
        let found = answer.accessControl.filter { !$0.hasPrefix("allow-methods") && !$0.hasPrefix("max-age") }
        if found != words { return "\(found) instead of \(words)" }
        let vary = answer.values("vary").joined(separator: ",").split { $0 == "," || $0 == " " }
        if vary.filter({ $0 == "Origin" }).count != 1 { return "Vary \(vary)" }
        guard let id = answer.values("x-request-id").first, answer.values("x-request-id").count == 1 else {
            return "X-Request-Id \(answer.values("x-request-id"))"
        }
        let delays = answer.values("retry-after").compactMap { Int($0) }
        if retries ? delays.count != 1 || delays[0] < 1 : !answer.values("retry-after").isEmpty {
            return "Retry-After \(answer.values("retry-after"))"
        }
        if let also, answer.values(also.name) != [also.value] {
            return "\(also.name) \(answer.values(also.name))"
        }
        let all = answer.fields.map { $0.name + $0.value }.joined() + answer.body
        if all.contains(Self.secret) { return "the client's secret" }
        return contentFault(answer, id)
    }

    private func contentFault(_ answer: PlainAnswer, _ id: String) -> String? {
        let type = answer.values("content-type")
        switch content {
        case .empty: return answer.body.isEmpty ? nil : "a body"
        case .own(let expected, let body):
            return type == [expected] && answer.body == body ? nil : "\(type) \(answer.body)"
        case .health:
            return type == ["application/json"] && answer.body.hasPrefix("{\"ok\":") ? nil : answer.body
        case .call(let status):
            let isCall = type == ["application/grpc"] && answer.values("grpc-status") == ["\(status)"]
            return isCall ? nil : "\(type) \(answer.values("grpc-status"))"
        case .problem(let error, let rule):
            let json = try? JSONSerialization.jsonObject(with: Data(answer.body.utf8)) as? [String: Any]
            guard type == ["application/problem+json"], let json else { return "\(type) \(answer.body)" }
            let words = [json["title"], json["detail"]].compactMap { $0 as? String }
            let isWhole =
                json["status"] as? Int == status && json["request_id"] as? String == id
                && words.count == 2 && words.allSatisfy { !$0.isEmpty }
            return isWhole && json["error"] as? String == error && json["rule"] as? String == rule
                ? nil : answer.body
        }
    }
}
