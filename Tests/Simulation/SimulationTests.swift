import Foundation
import Telemetry
import Testing

/// Many schedules of a whole worker: virtual time, peers that stop, reset, drip and lie at any byte. A
/// failure prints the seed and the last events; `FLOODGATE_SIMULATION_SEED` runs that one schedule again,
/// `FLOODGATE_SIMULATION_COUNT` says how many there are.
@Suite(.serialized) struct SimulationTests {
    @Test func `no exchange is stuck, no answer is another's, and everything is given back`() throws {
        CrashNote.install()
        let log = try AccessLogWriter(
            to: .file(path: "/dev/null"), blocks: 64, flushInterval: .seconds(1),
            events: EventLog(format: .text, level: .error))
        let environment = ProcessInfo.processInfo.environment
        if let text = environment["FLOODGATE_SIMULATION_SEED"], let seed = UInt64(text) {
            return show(seed, log)
        }
        let count = environment["FLOODGATE_SIMULATION_COUNT"].flatMap { UInt64($0) } ?? 300
        let first = environment["FLOODGATE_SIMULATION_FIRST"].flatMap { UInt64($0) } ?? 1
        var failures = 0
        for seed in first..<first + count {
            CrashNote.seed = seed
            let report = Simulation(seed: seed, log: log).run()
            guard !report.violations.isEmpty else { continue }
            failures += 1
            Issue.record("schedule \(seed): \(report.violations.joined(separator: "; "))")
            if failures == 40 { break }
        }
        if failures == 0 { print("\(count) schedules") }
    }

    private func show(_ seed: UInt64, _ log: AccessLogWriter) {
        CrashNote.seed = seed
        let report = Simulation(seed: seed, log: log, tracing: true).run()
        print(report.trace.joined(separator: "\n"))
        #expect(report.violations.isEmpty, "schedule \(seed)")
    }
}
