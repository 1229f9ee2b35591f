import Foundation

/// Clients that shake hands, ask a few times and leave, again and again, each on a thread of its own; every
/// second one speaks HTTP/2.
final class TLSLoad: @unchecked Sendable {
    // Unchecked: what changes is behind `lock`.
    private let lock = NSLock()
    private var answered = 0
    private var failures: [String] = []
    private var running: Int
    private var isOver = false

    init(clients: Int, gateway: GatewayProcess) {
        running = clients
        for index in 0..<clients {
            Thread.detachNewThread { self.run(gateway, isHTTP2: index % 2 == 1) }
        }
    }

    var answers: Int { lock.withLock { answered } }

    /// Lets all clients finish, and tells how many answers came and what went wrong.
    func end() -> (answered: Int, failures: [String]) {
        lock.withLock { isOver = true }
        try? eventually("the clients' end", within: .seconds(15)) { lock.withLock { running == 0 } }
        return lock.withLock { (answered, failures + (running == 0 ? [] : ["\(running) clients hang"])) }
    }

    private func run(_ gateway: GatewayProcess, isHTTP2: Bool) {
        defer { lock.withLock { running -= 1 } }
        while lock.withLock({ !isOver }) {
            do {
                if isHTTP2 { try askHTTP2(gateway) } else { try ask(gateway) }
            } catch {
                lock.withLock { failures.append("\(isHTTP2 ? "h2" : "http/1.1"): \(error)") }
            }
        }
    }

    private func ask(_ gateway: GatewayProcess) throws {
        let client = try gateway.secure()
        defer { client.close() }
        for _ in 0..<4 { note(try client.ask(get("/load")).status) }
    }

    private func askHTTP2(_ gateway: GatewayProcess) throws {
        let client = try gateway.secureHTTP2()
        defer { client.close() }
        for stream: UInt32 in [1, 3, 5, 7] { note(try client.ask(stream, "/load").status ?? 0) }
    }

    private func note(_ status: Int) {
        lock.withLock {
            answered += 1
            if status != 200 { failures.append("status \(status)") }
        }
    }
}
