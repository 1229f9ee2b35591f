import Foundation
import Testing

/// One gateway and one origin for all cases of a suite, which run beside each other. When the last is
/// through, what the origin saw, the access log and the counters are held against what the cases said.
struct HostileRoom: SuiteTrait, TestScoping {
    var clients = "head_timeout: 5s, body_timeout: 5s"
    var route = ""
    var listener = ""
    /// What a well-behaved client sends first.
    var preface = ""
    var top = ""
    /// Whole routes instead of the one for everything.
    var routes: String?

    @TaskLocal static var place: HostilePlace?

    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        let origin = try HostileOrigin()
        let gateway = try GatewayProcess { ports in
            """
            workers: 1
            listeners: [{ address: 127.0.0.1:\(ports.gateway), \(listener) }]
            admin: { address: 127.0.0.1:\(ports.admin) }
            access_log: { flush: 10ms }
            drain: { announce: 0s, deadline: 1s }
            clients: { \(clients) }
            upstreams: { app: { servers: [127.0.0.1:\(origin.port)] } }
            routes: \(routes ?? "[{ path: /*, upstream: app, \(route) }]")
            \(top)
            """
        }
        let place = HostilePlace(gateway: gateway, origin: origin, preface: preface)
        try await HostileRoom.$place.withValue(place) { try await function() }
        try place.audit()
    }
}

/// Where a suite's cases run, and the book that is kept of what each must have left behind.
final class HostilePlace: @unchecked Sendable {
    // Unchecked: what changes is behind `lock`.
    /// What a request that was answered must have left in the access log.
    struct Trace: Sendable {
        let name: String
        let status: Int
        let outcome: String
        /// As it must stand in the log; nil where it may be that none could be read.
        let method: String?
    }

    let gateway: GatewayProcess
    let origin: HostileOrigin
    let preface: String
    private let lock = NSLock()
    private var marks = 0
    private var traces: [String: Trace] = [:]
    private var faults: [String: Int] = [:]
    private var unanswered: [String: Int] = [:]
    private var dropped = 0
    private var targets: [String: (name: String, targets: [String])] = [:]
    private var begun: [String: (name: String, seen: Seen)] = [:]

    init(gateway: GatewayProcess, origin: HostileOrigin, preface: String) {
        self.gateway = gateway
        self.preface = preface
        self.origin = origin
    }

    /// Four characters that no other case has.
    func mark() -> String {
        let number = lock.withLock {
            marks += 1
            return marks
        }
        precondition(number < 10 * 36 * 36, "no mark is left")
        let tail = String(number % (36 * 36), radix: 36, uppercase: true)
        return "Q\(number / (36 * 36))" + String(repeating: "0", count: 2 - tail.count) + tail
    }

    /// A request was answered, and the gateway must have counted and logged it so.
    func note(_ response: RawResponse, _ name: String, outcome: String, method: String?, fault: String? = nil)
    {
        let trace = Trace(name: name, status: response.status, outcome: outcome, method: method)
        lock.withLock {
            if let fault { faults[fault, default: 0] += 1 }
            let identity = response.value("X-Request-Id") ?? ""
            if traces.updateValue(trace, forKey: identity) != nil {
                Issue.record("two answers with the request id '\(identity)'")
            }
        }
    }

    /// A request was given up without an answer.
    func note(unanswered outcome: String) { lock.withLock { unanswered[outcome, default: 0] += 1 } }

    /// The origin must have seen these targets with a mark, and no more.
    func note(_ mark: String, _ name: String, targets list: [String], begun seen: Seen?) {
        lock.withLock {
            targets[mark] = (name, list)
            if let seen { begun[mark] = (name, seen) }
        }
    }

    /// A connection was closed for what it began with.
    func noteDropped(_ mark: String, _ name: String, targets list: [String]) {
        note(mark, name, targets: list, begun: nil)
        lock.withLock { dropped += 1 }
    }

    // MARK: The audit

    func audit() throws {
        let counters = try Self.counters(gateway)
        #expect(gateway.process.exit == nil, "the gateway has survived")
        gateway.terminate()
        try origin.stop()
        auditOrigin()
        auditLog()
        let expected = lock.withLock { faults }
        #expect(counters.faults == expected, "each refused head is counted once")
        #expect(counters.dropped == lock.withLock { dropped }, "each dropped connection is counted once")
        var outcomes = lock.withLock { unanswered }
        for trace in lock.withLock({ traces }).values { outcomes[trace.outcome, default: 0] += 1 }
        #expect(counters.outcomes == outcomes, "each request is counted once")
    }

    /// No request more than was sent, at any time, and no end of one that was refused.
    private func auditOrigin() {
        let (targets, begun) = lock.withLock { (self.targets, self.begun) }
        for (mark, expected) in targets {
            #expect(origin.requests(mark).map(\.target) == expected.targets, "\(expected.name)")
        }
        #expect(origin.marks.subtracting(targets.keys).isEmpty, "requests that nobody sent")
        #expect(origin.faults.isEmpty, "requests that are none")
        for fragment in origin.leftovers {
            let shown = String(latin1: fragment).debugDescription
            guard let (name, seen) = begun[HostileOrigin.mark(in: fragment)] else {
                Issue.record("a fragment that nobody sent: \(shown)")
                continue
            }
            #expect(isBeginning(fragment, of: seen), "\(name): \(shown)")
        }
    }

    /// Whether a fragment is the head and a part of the body that may have gone on.
    private func isBeginning(_ fragment: [UInt8], of seen: Seen) -> Bool {
        let mark = HostileOrigin.mark(in: fragment)
        let head = seen.head(mark: mark, port: gateway.ports.gateway)
        guard let (request, length) = try? RawRequest.head(fragment), request.masked(keeping: seen) == head
        else { return false }
        let payload = seen.payload.marked(mark).latin1
        let rest = Array(fragment[length...])
        guard seen.isChunked else { return payload.starts(with: rest) && rest.count < payload.count }
        return payload.starts(with: Self.payload(ofChunks: rest) ?? [0])
    }

    /// The payload of whole chunks, none of which is the last; nil where that is not what stands there.
    private static func payload(ofChunks bytes: [UInt8]) -> [UInt8]? {
        var position = 0
        var payload: [UInt8] = []
        while position < bytes.count {
            guard let end = bytes[position...].firstRange(of: "\r\n".latin1),
                let size = Int(String(latin1: bytes[position..<end.lowerBound]), radix: 16), size > 0,
                bytes.count >= end.upperBound + size + 2
            else { return nil }
            payload += bytes[end.upperBound..<end.upperBound + size]
            position = end.upperBound + size + 2
        }
        return payload
    }

    /// One line for each answer, saying what the answer said, and none besides.
    private func auditLog() {
        let (traces, unanswered) = lock.withLock { (self.traces, self.unanswered) }
        var lines: [String: [String: Any]] = [:]
        var surplus: [String: Int] = [:]
        for line in gateway.logLines() {
            let identity = line["id"] as? String ?? ""
            guard traces[identity] != nil else {
                surplus[line["outcome"] as? String ?? "", default: 0] += 1
                continue
            }
            if lines.updateValue(line, forKey: identity) != nil { Issue.record("two lines for \(identity)") }
        }
        #expect(surplus == unanswered, "lines for requests that were given up")
        for (identity, trace) in traces {
            guard let line = lines[identity] else {
                Issue.record("\(trace.name): no line of the access log for \(identity)")
                continue
            }
            #expect(line["status"] as? Int == trace.status, "\(trace.name)")
            #expect(line["outcome"] as? String == trace.outcome, "\(trace.name)")
            if let method = trace.method { #expect(line["method"] as? String == method, "\(trace.name)") }
            #expect(line["bytes_in"] as? Int ?? 0 > 0, "\(trace.name): bytes came in")
        }
    }

    private static func counters(_ gateway: GatewayProcess) throws -> (
        faults: [String: Int], outcomes: [String: Int], dropped: Int
    ) {
        let admin = try AdminRoom.client(gateway)
        defer { admin.close() }
        let page = try admin.ask("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n").text
        func family(_ name: String, _ label: String) -> [String: Int] {
            var counts: [String: Int] = [:]
            for line in page.split(separator: "\n") where line.hasPrefix("\(name){\(label)=\"") {
                let parts = line.dropFirst(name.count + label.count + 3).components(separatedBy: "\"} ")
                if parts.count == 2, let count = Int(parts[1]), count > 0 { counts[parts[0]] = count }
            }
            return counts
        }
        return (
            family("floodgate_head_errors_total", "kind"), family("floodgate_outcomes_total", "outcome"),
            family("floodgate_connections_refused_total", "reason").values.reduce(0, +)
        )
    }
}

extension RawRequest {
    /// All bytes, with the ids masked that are not expected by their value.
    func masked(keeping seen: Seen) -> [UInt8] {
        var text = String(latin1: bytes)
        for (name, expected) in [("X-Request-Id", seen.requestID), ("traceparent", seen.trace)]
        where expected == "*" {
            guard let value = value(name), !value.isEmpty else { continue }
            text = text.replacingOccurrences(of: "\(name): \(value)\r\n", with: "\(name): *\r\n")
        }
        return text.latin1
    }
}
