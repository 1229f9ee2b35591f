import Bytes
import Glibc
import Testing
import Time

@testable import Telemetry

@Suite(.timeLimit(.minutes(20))) struct LogSinkTests {
    static func lines(_ count: Int) -> PinnedBytes {
        PinnedBytes((0..<count).flatMap { Array("{\"number\":\($0),\"filler\":\"0123456789\"}\n".utf8) })
    }

    @Test func `after a line was torn the next one starts afresh`() throws {
        let pipe = Pipe(nonBlocking: true)
        var sink = try LogSink(destination: .descriptor(pipe.writer), events: silentEvents())
        let many = Self.lines(5000)
        let first = sink.write(many.view) { true }
        #expect(first.bytes > 0 && first.bytes < many.view.count)
        let taken = pipe.read(atLeast: first.bytes)
        #expect(taken == many.view.prefix(first.bytes).array())
        let whole = taken.count(where: { $0 == 0x0A })
        #expect(first.linesLost == 5000 - whole)
        try #require(taken.last != 0x0A, "the pipe's size happens to end a line")

        let few = Self.lines(2)
        #expect(sink.write(few.view) { true } == LogSink.Result(bytes: few.view.count, linesLost: 0))
        #expect(pipe.read(atLeast: few.view.count + 1) == [0x0A] + few.view.array())
        #expect(sink.write(few.view) { true } == LogSink.Result(bytes: few.view.count, linesLost: 0))
        #expect(pipe.read(atLeast: few.view.count) == few.view.array())
    }

    @Test func `a reader that has gone is an error that is told once, and its end is told with the losses`()
        throws
    {
        // Ignored as the gateway itself does, or the test would die of it.
        signal(SIGPIPE, SIG_IGN)
        let told = Pipe()
        let directory = ScratchDirectory()
        let fifo = directory.file("log")
        try #require(mkfifo(fifo, 0o600) == 0)
        let reader = open(fifo, O_RDONLY | O_NONBLOCK)
        let events = EventLog(format: .json, descriptor: told.writer)
        var sink = try LogSink(destination: .file(path: fifo), events: events)
        let few = Self.lines(2)
        #expect(sink.write(few.view) { true }.linesLost == 0)
        close(reader)
        for _ in 0..<3 { #expect(sink.write(few.view) { true } == LogSink.Result(bytes: 0, linesLost: 2)) }
        let again = open(fifo, O_RDONLY | O_NONBLOCK)
        #expect(sink.write(few.view) { true }.linesLost == 0)
        close(again)
        sink.close()
        told.closeWriter()
        let events2 = parsed(told.read(atLeast: .max))
        #expect(events2?.map { $0["error"] as? String } == ["Broken pipe", nil])
        #expect(events2?.last?["dropped"] as? String == "6")
    }

    @Test func `a named pipe without a reader is an error instead of a wait`() throws {
        let directory = ScratchDirectory()
        try #require(mkfifo(directory.file("log"), 0o600) == 0)
        #expect(throws: AccessLogError.open(path: directory.file("log"), errorNumber: ENXIO)) {
            _ = try LogSink(destination: .file(path: directory.file("log")), events: silentEvents())
        }
    }
}
