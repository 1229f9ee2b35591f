import Testing

/// One request of the CORS table, and what the gateway must say to it (Fetch standard §3.2, "CORS protocol").
struct CORSCase: Sendable, CustomStringConvertible {
    enum Verdict: Equatable, Sendable {
        /// The backend's answer, open to this origin's pages.
        case reads(String, credentials: Bool)
        /// The backend's answer, open to every page.
        case everybody
        /// The backend's answer, closed: none of its own words about it are left.
        case closed
        /// The backend's answer as it is.
        case untouched
        /// The gateway's leave to send the request.
        case granted(String, Grant)
        /// The gateway's refusal of a preflight.
        case refused
        /// Refused before anything else, and told to nobody.
        case malformed
    }

    /// What a preflight's answer says besides the origin.
    struct Grant: Equatable, Sendable {
        var credentials = true
        var methods = "GET, HEAD, POST, PUT, PATCH, DELETE"
        var headers: String?
        var maxAge = "600"
        var privateNetwork = false
        /// Access-Control-Request-Private-Network in Vary.
        var variesByNetwork = false
    }

    let what: String
    /// The policy is the path's first segment: see `CORSHouse`.
    let path: String
    var method = "GET"
    var fields: [String] = []
    let verdict: Verdict

    var description: String { "\(what): \(method) \(path) \(fields)" }

    static func get(_ what: String, _ path: String, origin: String?, _ verdict: Verdict) -> CORSCase {
        CORSCase(what: what, path: path, fields: origin.map { ["Origin: \($0)"] } ?? [], verdict: verdict)
    }

    /// - Parameter asks: Names of fields, as Access-Control-Request-Headers has them.
    static func preflight(
        _ what: String, _ path: String, origin: String, method: String = "PUT", asks: String? = nil,
        more: [String] = [], _ verdict: Verdict
    ) -> CORSCase {
        let asked = asks.map { ["Access-Control-Request-Headers: \($0)"] } ?? []
        return CORSCase(
            what: what, path: path, method: "OPTIONS",
            fields: ["Origin: \(origin)", "Access-Control-Request-Method: \(method)"] + asked + more,
            verdict: verdict)
    }
}

/// An answer by whatever protocol, its names in lower case.
struct PlainAnswer {
    var status: Int
    var fields: [(name: String, value: String)]
    var body: String

    init(_ response: RawResponse) {
        status = response.status
        fields = response.fields.map { ($0.name.lowercased(), $0.value) }
        body = response.text
    }

    init(_ answer: HTTP2Answer) {
        status = answer.status ?? 0
        fields = (answer.head ?? []).filter { $0.name != ":status" }.map { ($0.name, $0.value) }
        body = answer.text
    }

    func values(_ name: String) -> [String] { fields.filter { $0.name == name }.map(\.value) }

    /// The words about who may read, sorted.
    var accessControl: [String] {
        fields.filter { $0.name.hasPrefix("access-control-") }.map { "\($0.name.dropFirst(15)): \($0.value)" }
            .sorted()
    }
}

extension CORSCase {
    static let preflightVary = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"

    /// What is wrong with an answer; nil where nothing is.
    func fault(_ answer: PlainAnswer) -> String? {
        let (status, words, vary) = expectation
        if answer.status != status { return "\(answer.status) instead of \(status)" }
        if answer.accessControl != words.sorted() {
            return "\(answer.accessControl) instead of \(words.sorted())"
        }
        if let vary, answer.values("vary") != vary { return "Vary \(answer.values("vary")), not \(vary)" }
        if answer.values("x-request-id").count != 1 { return "no X-Request-Id" }
        switch verdict {
        case .granted: return answer.body.isEmpty ? nil : "a body: \(answer.body)"
        case .refused, .malformed: return answer.body.contains("\"status\":\(status)") ? nil : "no problem"
        case .reads, .everybody, .closed, .untouched:
            return answer.body == (method == "HEAD" ? "" : "ok") ? nil : "the body \(answer.body)"
        }
    }

    private var expectation: (status: Int, words: [String], vary: [String]?) {
        let exposed = "expose-headers: Retry-After, X-Request-Id"
        switch verdict {
        case .reads(let origin, let credentials):
            let words = ["allow-origin: \(origin)", exposed]
            return (
                200, words + (credentials ? ["allow-credentials: true"] : []), ["Accept-Encoding, Origin"]
            )
        case .everybody: return (200, ["allow-origin: *", exposed], ["Accept-Encoding"])
        case .closed: return (200, [], ["Accept-Encoding, Origin"])
        case .untouched: return (200, CORSHouse.ownWords, ["Accept-Encoding"])
        case .granted(let origin, let grant):
            var words = [
                "allow-origin: \(origin)", "allow-methods: \(grant.methods)", "max-age: \(grant.maxAge)",
            ]
            if grant.credentials { words.append("allow-credentials: true") }
            if let headers = grant.headers { words.append("allow-headers: \(headers)") }
            if grant.privateNetwork { words.append("allow-private-network: true") }
            let network = grant.variesByNetwork ? ", Access-Control-Request-Private-Network" : ""
            return (204, words, [Self.preflightVary + network])
        case .refused: return (403, [], [Self.preflightVary])
        case .malformed: return (400, [], nil)
        }
    }
}
