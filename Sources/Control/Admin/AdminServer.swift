import Addressing
import Glibc
import Reactor
import Synchronization
import Telemetry

/// The listener for operators: a thread with a small loop of its own, so that neither a busy worker nor a
/// slow scrape makes the other wait. One request a connection; who may ask is decided by `AdminGuard` before
/// the handler hears of it.
package final class AdminServer: Sendable {
    /// Where it listens, with the ports that the kernel chose where 0 was asked for.
    package let addresses: [SocketAddress]
    private let shared: AdminShared

    /// Listens on `address` and serves from now on. Throws where it cannot listen, such as on a port that is
    /// in use.
    ///
    /// - Parameters:
    ///   - token: what requests must carry as a bearer token; nil asks for none. At least one character.
    ///   - allowedHosts: names besides `localhost` and the addresses of the listener by which it may be
    /// asked.
    ///   - handler: called on the listener's thread, one request at a time; while it works, others wait.
    package convenience init(
        address: SocketAddress, token: String?, allowedHosts: [String] = [], events: EventLog,
        limits: AdminLimits = AdminLimits(), handler: @escaping @Sendable (AdminRequest) -> AdminResponse
    ) throws(SystemError) {
        try self.init(
            addresses: [address], token: token, allowedHosts: allowedHosts, events: events, limits: limits,
            handler: handler)
    }

    /// As above, on several addresses: "everywhere" is one of IPv4 and one of IPv6.
    package init(
        addresses: [SocketAddress], token: String?, allowedHosts: [String] = [], events: EventLog,
        limits: AdminLimits = AdminLimits(), handler: @escaping @Sendable (AdminRequest) -> AdminResponse
    ) throws(SystemError) {
        let listeners = try AdminServer.listen(on: addresses)
        self.addresses = listeners.map(\.address)
        do throws(SystemError) {
            let shared = try AdminShared(token: token)
            self.shared = shared
            let parts = AdminLoop.Parts(
                listeners: listeners, shared: shared, limits: limits, events: events,
                access: AdminGuard(addresses: self.addresses, names: allowedHosts), handler: handler)
            try Thread.start(name: "admin") { AdminLoop.run(parts) }
        } catch {
            for listener in listeners { listener.socket.close() }
            throw error
        }
    }

    deinit { stop() }

    /// Ends the listener and what is open on it, soon. Does not wait for it; from any thread.
    package func stop() { shared.mailbox.post(.stop) }

    /// Whether the thread has closed everything after `stop`.
    package var isStopped: Bool { shared.hasStopped.load(ordering: .acquiring) }

    /// Asks for another token from the next request on.
    package func update(token: String?) { shared.token.withLock { $0 = token } }

    private static func listen(on addresses: [SocketAddress]) throws(SystemError) -> [Listener] {
        var listeners: [Listener] = []
        do throws(SystemError) {
            for address in addresses {
                // Listeners share a port when asked (`SO_REUSEPORT`), so that a second gateway would go
                // unnoticed.
                guard !Listener.isInUse(address) else { throw SystemError("bind", code: EADDRINUSE) }
                listeners.append(try Listener(address, backlog: 128))
            }
        } catch {
            for listener in listeners { listener.socket.close() }
            throw error
        }
        return listeners
    }
}

/// What the listener's thread shares with others.
final class AdminShared: Sendable {
    enum Message: Sendable { case stop }

    let mailbox: Mailbox<Message>
    let token: Mutex<String?>
    let hasStopped = Atomic<Bool>(false)

    init(token: String?) throws(SystemError) {
        mailbox = try Mailbox()
        self.token = Mutex(token)
    }
}
