import Proxy
import Reactor
import Telemetry
import Time

/// Looks at the process' memory and tells the workers what it asks for. On the control thread.
struct MemoryWatch: ~Copyable {
    private let pressure: MemoryPressure
    private let events: EventLog
    private let workers: Int
    private let resident = ResidentMemory()
    private var watch = MemoryGuard()
    private var trimmed = Instant.zero

    /// Between two looks.
    static let interval = Duration.milliseconds(250)
    /// Between two attempts to get memory back from the allocator, which stops the others for a moment.
    private static let trimInterval = Duration.seconds(1)

    init(pressure: MemoryPressure, events: EventLog, workers: Int) {
        self.pressure = pressure
        self.events = events
        self.workers = workers
    }

    mutating func look(limit: Int, now: Instant) {
        guard var used = resident.bytes() else { return }
        if MemoryGuard.isWorthTrimming(used: used, limit: limit), trimmed + Self.trimInterval <= now {
            trimmed = now
            ProcessLimits.returnFreeMemory()
            used = resident.bytes() ?? used
        }
        let before = watch.level
        var reading = watch.look(used: used, limit: limit)
        reading.headroom /= max(1, workers)
        pressure.publish(reading)
        if reading.level != before { tell(reading.level, used: used, limit: limit) }
    }

    private func tell(_ level: MemoryLevel, used: Int, limit: Int) {
        let details: EventLog.Details = ["used": "\(used >> 20) MiB", "limit": "\(limit >> 20) MiB"]
        switch level {
        case .calm: events.info("memory is calm again", details)
        case .tight: events.warning("memory is tight, quiet connections are closed", details)
        case .full: events.error("memory is at its limit, requests are refused", details)
        }
    }
}
