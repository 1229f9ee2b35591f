import Foundation

/// Clients that ask gateways the same, each on a connection and a thread of its own, and again as soon as
/// they are answered.
final class Crowd: @unchecked Sendable {
    // Unchecked: what changes is behind `lock`.
    struct Answers {
        var statuses: [Int: Int] = [:]
        var failures: [String] = []
        /// When each admitted request was sent, and when its answer was there.
        var admitted: [(sent: ContinuousClock.Instant, answered: ContinuousClock.Instant)] = []

        /// The most requests that were surely admitted within a time: sent and answered inside of it.
        func most(within window: Duration) -> Int {
            let sorted = admitted.sorted { $0.sent < $1.sent }
            var most = 0
            for index in sorted.indices {
                let end = sorted[index].sent + window
                var count = 0
                for each in sorted[index...] {
                    if each.sent > end { break }
                    if each.answered <= end { count += 1 }
                }
                most = max(most, count)
            }
            return most
        }
    }

    private let lock = NSLock()
    private var answers = Answers()
    private var running: Int
    private var isOver = false

    /// - Parameters:
    ///   - gateways: in turn, so many clients for each.
    ///   - requests: of each client; without a number they go on until the end.
    init(
        _ clients: Int = 64, at gateways: [GatewayProcess], requests: Int? = nil,
        _ request: String = get("/")
    ) throws {
        running = clients
        // All are connected before the first one asks.
        let connected = try (0..<clients).map { index in
            try gateways[index % gateways.count].client(limit: .seconds(20))
        }
        for client in connected {
            Thread.detachNewThread { [client = Handed(client)] in
                self.run(client.client, requests, request)
            }
        }
    }

    /// Crosses to its own thread once.
    private struct Handed: @unchecked Sendable {
        let client: RawClient
        init(_ client: RawClient) { self.client = client }
    }

    /// A crowd of clients with so many requests each, to its end.
    static func ask(
        _ clients: Int = 64, at gateways: [GatewayProcess], requests: Int, _ request: String = get("/")
    ) throws -> Answers {
        let crowd = try Crowd(clients, at: gateways, requests: requests, request)
        try crowd.wait()
        return crowd.lock.withLock { crowd.answers }
    }

    var admittedCount: Int { lock.withLock { answers.admitted.count } }

    /// Lets all clients finish.
    func end() throws -> Answers {
        lock.withLock { isOver = true }
        try wait()
        return lock.withLock { answers }
    }

    private func wait() throws {
        try eventually("the crowd's end", within: .seconds(60)) { lock.withLock { running == 0 } }
    }

    private func run(_ client: RawClient, _ requests: Int?, _ request: String) {
        defer { lock.withLock { running -= 1 } }
        var left = requests ?? .max
        while left > 0, lock.withLock({ !isOver }) {
            left -= 1
            let sent = ContinuousClock.now
            do {
                let response = try client.ask(request)
                let answered = ContinuousClock.now
                lock.withLock {
                    answers.statuses[response.status, default: 0] += 1
                    if response.status == 200 { answers.admitted.append((sent, answered)) }
                }
            } catch {
                lock.withLock { answers.failures.append("\(error)") }
                return
            }
        }
        client.close()
    }
}
