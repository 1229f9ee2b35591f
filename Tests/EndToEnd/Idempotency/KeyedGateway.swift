import Foundation
import Testing

// Gateways whose one route takes Idempotency-Keys, and requests that bring them.
extension GatewayProcess {
    /// - Parameter keyed: further keys of `idempotency`, as a flow map without its braces.
    convenience init(
        keyed origin: ScriptedOrigin, _ keyed: String = "", upstream: String = "", route: String = "",
        workers: Int = 1, top: String = ""
    ) throws {
        try self.init { ports in
            """
            workers: \(workers)
            listeners: [{ address: 127.0.0.1:\(ports.gateway), \(GatewayProcess.http2) }]
            admin: { address: 127.0.0.1:\(ports.admin) }
            access_log: { flush: 10ms }
            drain: { announce: 0s, deadline: 5s }
            upstreams: { app: { servers: [127.0.0.1:\(origin.port)], \(upstream) } }
            routes: [{ path: /*, upstream: app, idempotency: { \(keyed) }, \(route) }]
            \(top)
            """
        }
    }

    /// A number of `floodgate_idempotency_total`.
    func keyed(_ result: String) throws -> Int {
        try metric("floodgate_idempotency_total{result=\"\(result)\"}") ?? 0
    }
}

func keyed(_ key: String, _ path: String = "/orders", _ fields: String..., body: String = "{}") -> String {
    request(
        "POST \(path) HTTP/1.1", ["Idempotency-Key: \(key)", "Content-Length: \(body.utf8.count)"] + fields)
        + body
}

/// Requests that are sent at once, each on a connection of its own.
final class Volley: @unchecked Sendable {
    // Unchecked: what changes is behind `lock`.
    private let lock = NSLock()
    private var answers: [RawResponse] = []
    private var failures: [String] = []
    let clients: [RawClient]

    init(_ count: Int, at gateway: GatewayProcess, _ request: (Int) -> String) throws {
        clients = try (0..<count).map { _ in try gateway.client(limit: .seconds(20)) }
        for (index, client) in clients.enumerated() { try client.send(request(index)) }
        for index in clients.indices { Thread.detachNewThread { self.read(index) } }
    }

    private func read(_ index: Int) {
        do {
            let answer = try clients[index].response(to: "POST")
            lock.withLock { answers.append(answer) }
        } catch {
            lock.withLock { failures.append("\(error)") }
        }
    }

    /// All answers, once they are here.
    func results() throws -> [RawResponse] {
        try eventually("all answers", within: .seconds(20)) {
            lock.withLock { answers.count + failures.count == clients.count }
        }
        #expect(lock.withLock { failures }.isEmpty)
        return lock.withLock { answers }
    }
}

extension RawResponse {
    var isReplayed: Bool { value("Idempotency-Replayed") == "true" }
}
