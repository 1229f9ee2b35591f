import Foundation
import Glibc
import Synchronization
import Telemetry
import Testing
import Time

@Suite(.timeLimit(.minutes(20))) struct EventLogTests {
    /// A clock that a test sets.
    final class ManualClock: Sendable {
        private let nanoseconds = Atomic<Int64>(1_767_182_400_123_000_000)

        var now: WallTime { WallTime(nanoseconds: nanoseconds.load(ordering: .relaxed)) }

        func advance(by duration: Duration) { nanoseconds.add(duration.nanoseconds, ordering: .relaxed) }
    }

    let clock = ManualClock()
    let pipe = Pipe()

    func log(_ format: EventLog.Format, level: EventLog.Level = .info) -> EventLog {
        let clock = clock
        return EventLog(format: format, level: level, descriptor: pipe.writer) { clock.now }
    }

    /// All lines so far; closes the log's end.
    func lines() -> [String] {
        pipe.closeWriter()
        return String(decoding: pipe.read(atLeast: .max), as: UTF8.self).split(separator: "\n").map(
            String.init)
    }

    @Test func `text has time, level, message and details, quoted where needed`() {
        let log = log(.text)
        log.info("settings loaded", ["path": "/etc/floodgate.yaml", "routes": "3"])
        log.warning("name not resolved", ["name": "a b", "empty": "", "hostile": "x\ny=\"z\"\u{1B}[0m"])
        #expect(
            lines() == [
                "2025-12-31T12:00:00.123Z info settings loaded path=/etc/floodgate.yaml routes=3",
                "2025-12-31T12:00:00.123Z warning name not resolved "
                    + #"name="a b" empty="" hostile="x\ny=\"z\"\u001b[0m""#,
            ])
    }

    @Test func `JSON lines parse, whatever the details hold`() {
        let log = log(.json)
        let hostile = String(String.UnicodeScalarView((0..<0x300).compactMap { Unicode.Scalar($0) }))
        log.error("something failed", ["detail": hostile])
        let object = parsed(Array(lines().joined().utf8))?.first
        #expect(object?["level"] as? String == "error")
        #expect(object?["message"] as? String == "something failed")
        #expect(object?["time"] as? String == "2025-12-31T12:00:00.123Z")
        #expect(
            (object?["detail"] as? String)?.unicodeScalars.elementsEqual(hostile.unicodeScalars.prefix(500))
                != nil)
    }

    @Test(arguments: [EventLog.Format.text, .json])
    func `a line is never longer than a pipe takes whole`(format: EventLog.Format) {
        let log = log(format)
        let long = String(repeating: "\u{1}", count: 100_000)
        log.error("something failed", ["a": "kept", "b": long, "c": long, "d": "kept too"])
        let lines = lines()
        #expect(lines.count == 1 && lines[0].utf8.count < 4096)
        #expect(lines[0].contains("kept too"))
        if format == .json { #expect(parsed(Array(lines[0].utf8))?.count == 1) }
    }

    @Test func `events below the level are left out`() {
        let log = log(.text, level: .warning)
        log.debug("one")
        log.info("two")
        log.warning("three")
        log.error("four")
        log.log(.info, "five", atMostEvery: .seconds(1))
        #expect(lines().map { $0.split(separator: " ").last } == ["three", "four"])
    }

    @Test func `a repeated condition is told once an interval, with what was left out`() {
        let log = log(.text)
        for _ in 0..<5 { log.log(.warning, "no descriptors", atMostEvery: .seconds(10)) }
        log.log(.warning, "another condition", atMostEvery: .seconds(10))
        log.log(.warning, "no descriptors", about: "other", atMostEvery: .seconds(10))
        clock.advance(by: .milliseconds(9999))
        log.log(.warning, "no descriptors", atMostEvery: .seconds(10))
        clock.advance(by: .milliseconds(1))
        log.log(.warning, "no descriptors", ["limit": "1024"], atMostEvery: .seconds(10))
        clock.advance(by: .seconds(10))
        log.log(.warning, "no descriptors", atMostEvery: .seconds(10))
        #expect(
            lines().map { String($0.dropFirst(25)) } == [
                "warning no descriptors", "warning another condition", "warning no descriptors",
                "warning no descriptors limit=1024 suppressed=5", "warning no descriptors",
            ])
    }

    @Test func `a clock set back silences nothing`() {
        let log = log(.text)
        log.log(.warning, "again", atMostEvery: .seconds(10))
        clock.advance(by: .seconds(-3600))
        log.log(.warning, "again", atMostEvery: .seconds(10))
        #expect(lines().count == 2)
    }

    @Test func `what is remembered of repetitions is bounded`() {
        // The lines themselves go nowhere.
        let clock = clock
        let log = EventLog(format: .text, descriptor: open("/dev/null", O_WRONLY)) { clock.now }
        let subjects = 1000
        for number in 0..<subjects {
            clock.advance(by: .milliseconds(1))
            log.log(.warning, "again", about: "\(number)", atMostEvery: .seconds(3600))
        }
        // The newest are remembered, the oldest forgotten.
        #expect(log.rememberedRepetitions <= 256)
    }

    @Test func `a reader that never reads costs lines, which are counted, and never blocks`() {
        let log = log(.text)
        for number in 0..<3000 {
            log.info("event", ["number": "\(number)", "filler": String(repeating: "x", count: 50)])
        }
        #expect(log.dropped > 0)
        let dropped = log.dropped
        #expect(lines().count == 3000 - dropped)
    }
}
