import Foundation
import Testing

// Gateways for tests of the data path: one worker, so that pools and turns are the same in every run.
extension GatewayProcess {
    /// A gateway with one route, `/*`, to one upstream, `app`.
    ///
    /// - Parameters:
    ///   - servers: the upstream's, as settings write them.
    ///   - clients: further keys of `clients`, as a flow map without its braces; the next three likewise.
    ///   - top: whole lines at the left margin.
    convenience init(
        servers: [String], clients: String = "", upstream: String = "", route: String = "",
        listener: String = "", top: String = ""
    ) throws {
        try self.init { ports in
            """
            workers: 1
            listeners: [{ address: 127.0.0.1:\(ports.gateway), \(listener) }]
            admin: { address: 127.0.0.1:\(ports.admin) }
            access_log: { flush: 10ms }
            drain: { announce: 0s, deadline: 1s }
            clients: { \(clients) }
            upstreams: { app: { servers: [\(servers.joined(separator: ", "))], \(upstream) } }
            routes: [{ path: /*, upstream: app, \(route) }]
            \(top)
            """
        }
    }

    convenience init(
        before origin: ScriptedOrigin, clients: String = "", upstream: String = "", route: String = "",
        listener: String = "", top: String = ""
    ) throws {
        try self.init(
            servers: ["127.0.0.1:\(origin.port)"], clients: clients, upstream: upstream, route: route,
            listener: listener, top: top)
    }

    /// Settings by hand, with what every test needs before them.
    convenience init(routing settings: String) throws {
        try self.init { ports in
            """
            workers: 1
            listeners: [{ address: 127.0.0.1:\(ports.gateway) }]
            admin: { address: 127.0.0.1:\(ports.admin) }
            access_log: { flush: 10ms }
            drain: { announce: 0s, deadline: 1s }
            \(settings)
            """
        }
    }

    /// The text of a request as the origin must have received it, its ids masked as `RawRequest.masked` does.
    ///
    /// - Parameters:
    ///   - line: method and path.
    ///   - fields: those of the client that are passed on, in their order.
    ///   - closing: what stands behind the gateway's own fields.
    func forwarded(
        _ line: String, _ fields: [String] = [], closing: [String] = [], body: String = "",
        host: String = "here"
    ) -> String {
        let own = [
            "X-Forwarded-For: 127.0.0.1", "X-Real-IP: 127.0.0.1", "X-Forwarded-Proto: http",
            "X-Forwarded-Host: \(host)", "X-Forwarded-Port: \(ports.gateway)", "X-Request-Id: *",
            "traceparent: *",
        ]
        let lines = ["\(line) HTTP/1.1", "Host: \(host)"] + fields + own + closing + ["", body]
        return lines.joined(separator: "\r\n")
    }

    /// The access log's lines for a path, once there are so many.
    func logged(_ path: String, count: Int = 1) throws -> [[String: Any]] {
        try eventually("\(count) lines of the access log for \(path)") {
            let lines = logLines().filter { $0["path"] as? String == path }
            return lines.count >= count ? lines : nil
        }
    }

    /// Whole lines of the access log so far; one that is no JSON is a failure of the test.
    func logLines() -> [[String: Any]] {
        standardOutput.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map { line in
            let object = try? JSONSerialization.jsonObject(with: Data(line.utf8))
            guard let fields = object as? [String: Any] else {
                Issue.record("no JSON in the access log: \(line)")
                return [:]
            }
            return fields
        }
    }
}

extension RawRequest {
    /// What came, but for the values that the gateway draws at random.
    var masked: String {
        var text = self.text
        for name in ["X-Request-Id", "traceparent"] {
            guard let value = value(name) else { continue }
            text = text.replacingOccurrences(of: "\(name): \(value)\r\n", with: "\(name): *\r\n")
        }
        return text
    }
}

extension RawResponse {
    /// The problem details of a refusal; a refusal that is not readable is a failure of the test.
    func problem(sourceLocation: SourceLocation = #_sourceLocation) -> [String: Any] {
        let object = try? JSONSerialization.jsonObject(with: Data(body)) as? [String: Any]
        #expect(value("Content-Type") == "application/problem+json", sourceLocation: sourceLocation)
        #expect(object?["status"] as? Int == status, sourceLocation: sourceLocation)
        #expect((object?["title"] as? String)?.isEmpty == false, sourceLocation: sourceLocation)
        #expect((object?["detail"] as? String)?.isEmpty == false, sourceLocation: sourceLocation)
        #expect(value("X-Request-Id") != nil, sourceLocation: sourceLocation)
        #expect(object?["request_id"] as? String == value("X-Request-Id"), sourceLocation: sourceLocation)
        return object ?? [:]
    }
}

/// Requests as tests write them.
func get(_ path: String, _ fields: String..., method: String = "GET") -> String {
    request("\(method) \(path) HTTP/1.1", fields)
}

func post(_ path: String, _ fields: String..., body: String) -> String {
    request("POST \(path) HTTP/1.1", fields + ["Content-Length: \(body.utf8.count)"]) + body
}

func request(_ line: String, _ fields: [String]) -> String {
    ([line, "Host: here"] + fields + ["", ""]).joined(separator: "\r\n")
}
