import Proxy
import Reactor
import Settings
import Telemetry
import Time

/// The control thread: signals, and the way out.
package struct ControlLoop: ~Copyable {
    private let gateway: Gateway
    private let signals: Signals
    private let epoll: Epoll
    private var drain: Drain?
    private var memory: MemoryWatch
    private var nextLook = Instant.zero
    private var certificates: CertificateWatch
    /// `NOTIFY_SOCKET`, where systemd wants to be told.
    private let notifyPath: String?

    /// How often a drain looks whether it is over.
    private static let drainPoll = Duration.milliseconds(20)

    package init(gateway: Gateway, signals: consuming Signals, notifyPath: String?) throws(SystemError) {
        let watching = try Self.watch(signals)
        self.gateway = gateway
        memory = MemoryWatch(
            pressure: gateway.memory, events: gateway.events, workers: gateway.workers.count)
        certificates = CertificateWatch(now: SystemClock.now())
        self.notifyPath = notifyPath
        self.signals = signals
        epoll = watching
    }

    private static func watch(_ signals: borrowing Signals) throws(SystemError) -> Epoll {
        let epoll = try Epoll()
        try epoll.addLevelTriggered(signals.descriptor, token: 0)
        return epoll
    }

    /// Runs until the gateway has ended.
    package mutating func run() {
        ServiceManager.tell(.ready, path: notifyPath)
        while true {
            let wait = drain == nil ? MemoryWatch.interval : Self.drainPoll
            _ = epoll.wait(milliseconds: Int32(wait.nanoseconds / 1_000_000))
            lookAtMemory()
            certificates.look(gateway, now: SystemClock.now(), time: SystemClock.wallTime())
            gateway.services.keySets.look()
            gateway.lookAtTraffic(now: SystemClock.now())
            while let signal = signals.next() { hear(signal) }
            if advanceDrain() { return }
        }
    }

    private mutating func lookAtMemory() {
        let now = SystemClock.now()
        guard now >= nextLook else { return }
        nextLook = now + MemoryWatch.interval
        memory.look(limit: gateway.memoryLimit, now: now)
    }

    private mutating func hear(_ signal: Signals.Signal) {
        switch signal {
        case .hangUp:
            ServiceManager.tell(.reloading, path: notifyPath)
            gateway.reload()
            ServiceManager.tell(.ready, path: notifyPath)
        case .user1:
            gateway.accessLog?.reopen()
        case .terminate, .interrupt:
            beginDrain(announces: signal == .terminate)
        }
    }

    private mutating func beginDrain(announces: Bool) {
        if var current = drain {
            gateway.events.warning("asked to stop again, not waiting any longer")
            finish(current.hurry(open: gateway.openConnections))
            drain = current
            return
        }
        ServiceManager.tell(.stopping, path: notifyPath)
        let settings = gateway.settings.drain
        gateway.events.info(
            "draining",
            ["connections": "\(gateway.openConnections)", "deadline": Quantity.text(settings.deadline)])
        gateway.beginDrain()
        drain = Drain(settings, announces: announces, now: SystemClock.now())
    }

    /// True where everything has ended.
    private mutating func advanceDrain() -> Bool {
        guard var current = drain else { return false }
        let action = current.advance(
            now: SystemClock.now(), open: gateway.openConnections,
            isDrained: gateway.workers.allSatisfy(\.isDrained))
        drain = current
        finish(action)
        return current.phase == .over
    }

    private func finish(_ action: Drain.Action) {
        switch action {
        case .none: break
        case .closeDoors: gateway.closeDoors()
        case .stop(let cut):
            if cut > 0 { gateway.events.warning("connections cut", ["count": "\(cut)"]) }
            gateway.stop()
            gateway.events.info("stopped")
        }
    }
}
