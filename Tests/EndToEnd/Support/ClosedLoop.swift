import Foundation

/// Clients that ask again as soon as they are answered, each on a thread of its own. An answer that ends its
/// connection is followed by a new one; a client that is refused then ends, for the doors are closed.
final class ClosedLoop: @unchecked Sendable {
    // Unchecked: what changes is behind `lock`.
    private let lock = NSLock()
    private var answered = 0
    private var failures: [String] = []
    private var running: Int
    private var isOver = false

    init(clients: Int, gateway: GatewayProcess) {
        running = clients
        let port = gateway.ports.gateway
        for _ in 0..<clients { Thread.detachNewThread { self.run(port) } }
    }

    var answers: Int { lock.withLock { answered } }

    /// Lets all clients finish, and tells how many answers came and what went wrong.
    func end() -> (answered: Int, failures: [String]) {
        lock.withLock { isOver = true }
        try? eventually("the clients' end", within: .seconds(15)) { lock.withLock { running == 0 } }
        return lock.withLock { (answered, failures + (running == 0 ? [] : ["\(running) clients hang"])) }
    }

    private func run(_ port: UInt16) {
        defer { lock.withLock { running -= 1 } }
        var client: RawClient?
        while lock.withLock({ !isOver }) {
            if client == nil {
                do throws(SocketError) {
                    client = try RawClient(port: port)
                } catch {
                    if error != .cannotConnect(errno: ECONNREFUSED) { note("\(error)") }
                    return
                }
            }
            do {
                guard let response = try client?.ask(get("/load")) else { return }
                if response.status != 200 { note("status \(response.status)") }
                lock.withLock { answered += 1 }
                if response.value("Connection")?.lowercased() == "close" {
                    client?.close()
                    client = nil
                }
            } catch {
                note("\(error)")
                client?.close()
                client = nil
            }
        }
        client?.close()
    }

    private func note(_ failure: String) { lock.withLock { failures.append(failure) } }
}
