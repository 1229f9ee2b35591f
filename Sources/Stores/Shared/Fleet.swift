import Synchronization

/// The gateways that share a Redis, as far as this one knows.
package final class Fleet: Sendable {
    /// Names this process among them: drawn anew at each start.
    package let id: String
    private let count = Atomic<Int>(1)

    package init(id: UInt64 = .random(in: .min ... .max)) { self.id = String(id, radix: 16) }

    /// Gateways that are alive, this one included; while Redis is away, as many as there were before.
    package var size: Int { count.load(ordering: .relaxed) }

    /// Gateways that are believed in at most: whatever a server says, a limit is divided by no more.
    private static let largest = 1024

    package func noteSize(_ size: Int) { count.store(min(max(1, size), Self.largest), ordering: .relaxed) }
}
