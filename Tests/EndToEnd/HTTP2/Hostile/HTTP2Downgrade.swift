import Foundation
import Testing

/// One row of the downgrade table: what a client sends over HTTP/2, and what the origin behind may see of it
/// over HTTP/1.1 (CVE-2023-27491 and kin).
///
/// `MARK` in texts stands for what no other case has; by it the origin tells whose a request is.
struct HTTP2Downgrade: CustomTestStringConvertible, Sendable {
    enum Fate: Sendable {
        /// The origin sees nothing of it; the client gets one of these statuses, or a stream or connection
        /// error.
        case refused([Int])
        /// The origin sees exactly this.
        case seen(Sight)
        /// The client is told so, but the head, which is a whole request by itself, may have gone on before.
        case refusedBehind(Sight)
        /// One of the two.
        case refusedOr(Sight)
    }

    /// A request as the origin must have received it, but for the case of names.
    struct Sight: Sendable {
        var line: String
        var host = "here"
        /// The client's fields that go on, in their order.
        var fields: [String] = []
        /// What the gateway writes about the body.
        var framing: [String] = []
        var body = ""
        var trailers: [String] = []
    }

    let name: String
    let fields: [(String, String)]
    var body: [String] = []
    var trailers: [(String, String)]?
    let fate: Fate

    var testDescription: String { name }

    // MARK: Shorthands

    static func head(
        _ method: String = "GET", path: String = "/MARK", authority: String? = "here",
        scheme: String = "http",
        _ more: [(String, String)] = []
    ) -> [(String, String)] {
        [(":method", method), (":scheme", scheme), (":path", path)]
            + (authority.map { [(":authority", $0)] } ?? []) + more
    }

    static func head(_ more: [(String, String)]) -> [(String, String)] { head("GET", more) }

    static func refused(
        _ name: String, _ fields: [(String, String)], body: [String] = [],
        trailers: [(String, String)]? = nil, _ statuses: Int...
    ) -> HTTP2Downgrade {
        HTTP2Downgrade(
            name: name, fields: fields, body: body, trailers: trailers, fate: .refused([400] + statuses))
    }

    static func seen(
        _ name: String, _ fields: [(String, String)], body: [String] = [],
        trailers: [(String, String)]? = nil, _ sight: Sight
    ) -> HTTP2Downgrade {
        HTTP2Downgrade(name: name, fields: fields, body: body, trailers: trailers, fate: .seen(sight))
    }

    /// A GET with more fields, of which these go on.
    static func kept(_ name: String, _ more: [(String, String)], _ kept: String...) -> HTTP2Downgrade {
        seen(name, head(more), Sight(line: "GET /MARK", fields: kept))
    }

    // MARK: On the wire

    func frames(_ stream: UInt32, mark: String) -> [HTTP2Frame] {
        let block = HPACKBlock.fields(fields.map { ($0.0.marked(mark), $0.1.marked(mark)) })
        guard !body.isEmpty || trailers != nil else { return [.headers(stream, block, .whole)] }
        var frames: [HTTP2Frame] = [.headers(stream, block, .endHeaders)]
        for (index, piece) in body.enumerated() {
            let isLast = index == body.count - 1 && trailers == nil
            frames.append(.data(stream, piece.marked(mark).latin1, isLast ? .endStream : []))
        }
        if let trailers { frames.append(.headers(stream, .fields(trailers), .whole)) }
        return frames
    }
}

/// Where the cases of the downgrade table run: one gateway, one origin, and the book of what each must have
/// left there.
final class DowngradePlace: @unchecked Sendable {
    // Unchecked: what changes is behind `lock`.
    let gateway: GatewayProcess
    let origin: ScriptedOrigin
    private let lock = NSLock()
    private var marks = 0
    private var fates: [String: (name: String, fate: HTTP2Downgrade.Fate, isServed: Bool)] = [:]

    init() throws {
        origin = try ScriptedOrigin.answering(body: "ok")
        gateway = try GatewayProcess(http2: origin)
    }

    func run(_ row: HTTP2Downgrade) throws {
        let mark = lock.withLock {
            marks += 1
            return "q\(marks)z"
        }
        let client = try gateway.http2()
        defer { client.close() }
        try client.send(row.frames(1, mark: mark))
        try? client.wait(for: "an answer") { client.answers[1]?.isOver == true }
        let answer = client.answer(sofar: 1)
        let hasFailed =
            answer.reset != nil && !answer.hasEnded || client.goAways.last.map { $0.code != 0 } == true
        let isServed = answer.status == 200 && answer.hasEnded
        switch row.fate {
        case .refused(let statuses):
            #expect(hasFailed || answer.status.map(statuses.contains) == true, "seen: \(client.summary)")
        case .refusedBehind:
            #expect(hasFailed || answer.status == 400, "seen: \(client.summary)")
        case .seen: #expect(isServed, "seen: \(client.summary)")
        case .refusedOr: #expect(isServed || hasFailed || answer.status == 400, "seen: \(client.summary)")
        }
        #expect(client.violations.isEmpty)
        lock.withLock { fates[mark] = (row.name, row.fate, isServed) }
    }

    /// Holds all that the origin has received against what the cases said.
    func audit() throws {
        #expect(gateway.process.exit == nil, "the gateway has survived")
        gateway.terminate()
        for index in origin.connections.indices {
            let end = try origin.end(ofConnection: index)
            #expect(end == .peerClosed || end == .peerReset, "no request that is none: \(end)")
        }
        for record in origin.connections {
            let whole = record.requests.flatMap(\.bytes)
            #expect(record.received.starts(with: whole))
            auditRest(Array(record.received.dropFirst(whole.count)))
        }
        var requests = Dictionary(grouping: origin.requests, by: mark)
        for (mark, (name, fate, isServed)) in lock.withLock({ fates }) {
            let found = requests.removeValue(forKey: mark) ?? []
            switch fate {
            case .refused: #expect(found.map(\.text) == [], "\(name)")
            case .refusedBehind(let sight): if !found.isEmpty { check(found, sight, mark, name) }
            case .seen(let sight): check(found, sight, mark, name)
            case .refusedOr(let sight): if isServed { check(found, sight, mark, name) }
            }
        }
        #expect(requests.isEmpty, "requests that nobody sent: \(requests.keys.sorted())")
    }

    /// Of a request that was refused in its body, the head may have gone on; never its end.
    private func auditRest(_ rest: [UInt8]) {
        guard !rest.isEmpty else { return }
        let text = String(latin1: rest)
        let isHead = text.contains("\r\n\r\n")
        #expect(isHead, "a fragment: \(text.debugDescription)")
        do {
            let parsed = try RawRequest.parse(rest)
            #expect(parsed == nil, "a whole request: \(text.debugDescription)")
        } catch {
            Issue.record("a fragment that no origin reads: \(text.debugDescription)")
        }
    }

    private func mark(_ request: RawRequest) -> String {
        let text = request.text
        guard let start = text.range(of: "q[0-9]+z", options: .regularExpression) else { return "none" }
        return String(text[start])
    }

    private func check(
        _ found: [RawRequest], _ sight: HTTP2Downgrade.Sight, _ mark: String, _ name: String
    ) {
        #expect(found.count == 1, "\(name): \(found.count) requests")
        guard let request = found.first else { return }
        let own = [
            "x-forwarded-for: 127.0.0.1", "x-real-ip: 127.0.0.1", "x-forwarded-proto: http",
            "x-forwarded-host: \(sight.host)", "x-forwarded-port: \(gateway.ports.gateway)",
            "x-request-id: *",
            "traceparent: *",
        ]
        let random: Set = ["x-request-id", "traceparent"]
        let lines = request.fields.map { field in
            let name = field.name.lowercased()
            return "\(name): \(random.contains(name) ? "*" : field.value)"
        }
        let expected = ["host: \(sight.host)"] + sight.fields.map { $0.marked(mark) } + own + sight.framing
        #expect("\(request.method) \(request.target)" == sight.line.marked(mark), "\(name)")
        #expect(request.version == "HTTP/1.1", "\(name)")
        #expect(lines == expected, "\(name)")
        #expect(String(latin1: request.body) == sight.body.marked(mark), "\(name)")
        let trailers = request.trailers.map { "\($0.name.lowercased()): \($0.value)" }
        #expect(trailers == sight.trailers, "\(name)")
    }
}

/// One place for all cases of a suite, audited when the last is through.
struct DowngradeRoom: SuiteTrait, TestScoping {
    @TaskLocal static var place: DowngradePlace?

    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        let place = try DowngradePlace()
        try await Self.$place.withValue(place) { try await function() }
        try place.audit()
    }
}
