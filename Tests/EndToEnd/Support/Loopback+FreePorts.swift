import Foundation
import Synchronization

extension Loopback {
    /// Where ports are looked for: below those that the kernel gives to clients (32768 and up), any of which
    /// might take a port between its choice and its use.
    private static let range = 10_000..<32_768

    /// Counts through the range from a place of this process' own. Ports are not used twice: two listeners
    /// that share a port (SO_REUSEPORT) would take each other's connections.
    private static let next = Atomic<Int>(Int(getpid()) * 997)

    /// Ports that were free a moment ago, and that no other caller of this process has been given.
    static func freePorts(_ count: Int) throws(SocketError) -> [UInt16] {
        var ports: [UInt16] = []
        for _ in 0..<range.count where ports.count < count {
            let step = next.add(1, ordering: .relaxed).newValue
            let port = UInt16(range.lowerBound + step % range.count)
            guard let listener = try? listen(port: port) else { continue }
            close(listener.descriptor)
            ports.append(port)
        }
        guard ports.count == count else { throw .cannotOpen(errno: EADDRINUSE) }
        return ports
    }
}
