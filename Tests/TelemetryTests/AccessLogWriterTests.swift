import Bytes
import Foundation
import Glibc
import Telemetry
import Testing
import Time

@Suite(.timeLimit(.minutes(20))) struct AccessLogWriterTests {
    static let start = Instant(nanoseconds: 1_000_000_000)

    static func writer(
        to destination: AccessLogDestination, blocks: Int = 8, events: EventLog? = nil
    ) throws -> AccessLogWriter {
        try AccessLogWriter(
            to: destination, blocks: blocks, flushInterval: .seconds(1), events: events ?? silentEvents())
    }

    /// Appends records that are told apart by their status, and counts how many were kept.
    static func append(_ statuses: Range<Int>, to buffer: inout AccessLogBuffer, path: ByteView? = nil) -> Int
    {
        var kept = 0
        var record = ordinaryRecord()
        if let path { record.path = path }
        for status in statuses {
            record.status = status
            if buffer.append(record, now: start) == .kept { kept += 1 }
        }
        return kept
    }

    static func statuses(in bytes: [UInt8]) -> [Int]? { parsed(bytes)?.map { $0["status"] as? Int ?? -1 } }

    @Test func `records of a worker reach the file in order`() throws {
        let directory = ScratchDirectory()
        let writer = try Self.writer(to: .file(path: directory.file("access.log")))
        var buffer = AccessLogBuffer(writer: writer, query: .presence)
        // Room for about two blocks a round, so that nothing is dropped however slow the disk is.
        for round in 0..<10 {
            #expect(Self.append(round * 200..<round * 200 + 200, to: &buffer) == 200)
            buffer.handOver()
            #expect(eventually { writer.statistics.records == UInt64(round * 200 + 200) })
        }
        #expect(writer.stop(within: .seconds(10)))
        let bytes = contents(of: directory.file("access.log"))
        #expect(Self.statuses(in: bytes) == Array(0..<2000))
        #expect(writer.statistics == .init(records: 2000, bytes: UInt64(bytes.count), dropped: 0))
    }

    @Test func `a line waits no longer than the flush interval`() throws {
        let pipe = Pipe()
        let writer = try Self.writer(to: .descriptor(pipe.writer))
        var buffer = AccessLogBuffer(writer: writer, query: .presence)
        #expect(Self.append(0..<1, to: &buffer) == 1)
        buffer.flush(now: Self.start + .milliseconds(999))
        var entry = pollfd(fd: pipe.reader, events: Int16(POLLIN), revents: 0)
        #expect(poll(&entry, 1, 50) == 0)
        buffer.flush(now: Self.start + .seconds(1))
        #expect(Self.statuses(in: pipe.read(atLeast: 1)) == [0])
        #expect(writer.stop(within: .seconds(10)))
    }

    @Test func `a pipe that nobody reads costs records, which are counted, and never blocks the worker`()
        throws
    {
        let pipe = Pipe()
        let writer = try Self.writer(to: .descriptor(pipe.writer), blocks: 4)
        var buffer = AccessLogBuffer(writer: writer, query: .presence)
        let kept = Self.append(0..<5000, to: &buffer)
        #expect(kept > 300 && kept < 2000)
        buffer.handOver()
        // The reader comes back: what was kept is all there, each line whole, and logging goes on.
        var bytes = pipe.read(lines: kept)
        #expect(eventually { writer.statistics.records == UInt64(kept) })
        #expect(Self.append(9000..<9001, to: &buffer) == 1)
        buffer.handOver()
        bytes += pipe.read(lines: 1)
        let statuses = Self.statuses(in: bytes)
        #expect(statuses?.count == kept + 1 && statuses?.last == 9000)
        #expect(statuses == statuses?.sorted())
        #expect(writer.statistics.dropped == 0)
        #expect(writer.stop(within: .seconds(10)))
    }

    @Test(arguments: [false, true])
    func `writes that a pipe takes in part are finished, blocking or not`(nonBlocking: Bool) throws {
        let pipe = Pipe(nonBlocking: nonBlocking, size: 4096)
        let writer = try Self.writer(to: .descriptor(pipe.writer))
        var buffer = AccessLogBuffer(writer: writer, query: .presence)
        let kept = Self.append(0..<300, to: &buffer)
        #expect(kept == 300)
        buffer.handOver()
        let bytes = pipe.read(lines: 300)
        #expect(Self.statuses(in: bytes) == Array(0..<300))
        #expect(writer.stop(within: .seconds(10)))
    }

    @Test func `the file is opened anew after it was renamed, and no line is lost`() throws {
        let directory = ScratchDirectory()
        let (path, old) = (directory.file("access.log"), directory.file("access.log.1"))
        let writer = try Self.writer(to: .file(path: path))
        var buffer = AccessLogBuffer(writer: writer, query: .presence)
        _ = Self.append(0..<10, to: &buffer)
        buffer.handOver()
        #expect(eventually { writer.statistics.records == 10 })
        try FileManager.default.moveItem(atPath: path, toPath: old)
        _ = Self.append(10..<20, to: &buffer)
        buffer.handOver()
        #expect(eventually { writer.statistics.records == 20 })
        writer.reopen()
        #expect(eventually { access(path, F_OK) == 0 })
        _ = Self.append(20..<30, to: &buffer)
        buffer.handOver()
        #expect(writer.stop(within: .seconds(10)))
        #expect(Self.statuses(in: contents(of: old)) == Array(0..<20))
        #expect(Self.statuses(in: contents(of: path)) == Array(20..<30))
    }

    @Test func `a file that cannot be opened anew goes on where it was, and an event says so`() throws {
        let directory = ScratchDirectory()
        let folder = directory.file("logs")
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
        let pipe = Pipe()
        let events = EventLog(format: .json, descriptor: pipe.writer)
        let writer = try Self.writer(to: .file(path: folder + "/access.log"), events: events)
        var buffer = AccessLogBuffer(writer: writer, query: .presence)
        try FileManager.default.moveItem(atPath: folder, toPath: directory.file("moved"))
        writer.reopen()
        let event = parsed(pipe.read(atLeast: 1))?.first
        #expect(event?["message"] as? String == "access log not reopened")
        #expect(event?["error"] as? String == "No such file or directory")
        _ = Self.append(0..<3, to: &buffer)
        buffer.handOver()
        #expect(writer.stop(within: .seconds(10)))
        #expect(Self.statuses(in: contents(of: directory.file("moved/access.log"))) == [0, 1, 2])
    }

    @Test func `a full disk drops records, counts them, and is told once`() throws {
        let pipe = Pipe()
        let events = EventLog(format: .json, descriptor: pipe.writer)
        let full = open("/dev/full", O_WRONLY)
        defer { close(full) }
        let writer = try Self.writer(to: .descriptor(full), events: events)
        var buffer = AccessLogBuffer(writer: writer, query: .presence)
        for round in 1...5 {
            _ = Self.append(0..<10, to: &buffer)
            buffer.handOver()
            #expect(eventually { writer.statistics.dropped == UInt64(round * 10) })
        }
        #expect(writer.stop(within: .seconds(10)))
        #expect(writer.statistics == .init(records: 0, bytes: 0, dropped: 50))
        pipe.closeWriter()
        let told = parsed(pipe.read(atLeast: 1))
        #expect(told?.count == 1)
        #expect(told?.first?["error"] as? String == "No space left on device")
    }

    @Test func `only whole lines count as written`() throws {
        let pipe = Pipe(size: 4096)
        let writer = try Self.writer(to: .descriptor(pipe.writer))
        var buffer = AccessLogBuffer(writer: writer, query: .presence)
        _ = Self.append(0..<100, to: &buffer)
        buffer.handOver()
        #expect(!writer.stop(within: .milliseconds(200)))
        #expect(eventually { writer.statistics.dropped > 0 })
        let statistics = writer.statistics
        #expect(statistics.records + statistics.dropped == 100)
        // Only whole lines count as written.
        let bytes = pipe.read(atLeast: 1)
        #expect(bytes.count(where: { $0 == 0x0A }) == Int(statistics.records))
    }

    @Test func `stopping has a deadline even where the reader never comes, and late records are dropped`()
        throws
    {
        let pipe = Pipe()
        let writer = try Self.writer(to: .descriptor(pipe.writer), blocks: 4)
        var buffer = AccessLogBuffer(writer: writer, query: .presence)
        let kept = Self.append(0..<5000, to: &buffer)
        let began = Date()
        #expect(!writer.stop(within: .milliseconds(300)))
        #expect(Date().timeIntervalSince(began) < 5)
        buffer.handOver()
        #expect(
            eventually {
                let statistics = writer.statistics
                return statistics.records + statistics.dropped == UInt64(kept)
            })
    }

    @Test func `memory is bounded by the blocks, and workers share them`() throws {
        let pipe = Pipe()
        let writer = try Self.writer(to: .descriptor(pipe.writer), blocks: 2)
        var first = AccessLogBuffer(writer: writer, query: .presence)
        var second = AccessLogBuffer(writer: writer, query: .presence)
        var third = AccessLogBuffer(writer: writer, query: .presence)
        #expect(Self.append(0..<1, to: &first) == 1)
        #expect(Self.append(1..<2, to: &second) == 1)
        #expect(Self.append(2..<3, to: &third) == 0)
        first.handOver()
        #expect(eventually { writer.statistics.records == 1 })
        #expect(eventually { Self.append(2..<3, to: &third) == 1 })
        second.handOver()
        third.handOver()
        #expect(writer.stop(within: .seconds(10)))
        pipe.closeWriter()
        #expect(Self.statuses(in: pipe.read(atLeast: 1 << 20)) == [0, 1, 2])
    }

    @Test func `a file that cannot be opened is an error that names it`() throws {
        let error = #expect(throws: AccessLogError.self) {
            _ = try Self.writer(to: .file(path: "/nonexistent/access.log"))
        }
        #expect(
            error.map { "\($0)" }
                == "cannot open the access log /nonexistent/access.log: No such file or directory")
    }

    @Test func `workers on threads of their own lose nothing that they kept`() throws {
        let directory = ScratchDirectory()
        let writer = try Self.writer(to: .file(path: directory.file("access.log")), blocks: 64)
        let kept = [Kept(), Kept(), Kept()]
        let threads = kept.map { kept in
            Thread {
                var buffer = AccessLogBuffer(writer: writer, query: .presence)
                kept.count = Self.append(0..<5000, to: &buffer)
                buffer.handOver()
            }
        }
        for thread in threads { thread.start() }
        #expect(eventually { threads.allSatisfy(\.isFinished) })
        #expect(writer.stop(within: .seconds(10)))
        let total = kept.reduce(0) { $0 + $1.count }
        #expect(Self.statuses(in: contents(of: directory.file("access.log")))?.count == total)
        #expect(writer.statistics.records == UInt64(total))
    }

    /// Written by one thread, read after its end.
    final class Kept: @unchecked Sendable { var count = 0 }
}
