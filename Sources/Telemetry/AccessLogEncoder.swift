import Bytes
import Time

/// Writes records as lines of JSON. One per worker: it remembers the text of the second it last wrote.
///
/// Keys stand in a fixed order; one without a value is left out. Durations are microseconds and left out for
/// phases that were not reached.
// SAFETY: `encode` only passes its caller's region on to `LineWriter`, which checks every write; the scratch
// region for a second's text lives for the closure that uses it.
package struct AccessLogEncoder: ~Copyable {
    /// Most bytes that are taken of each field; what is longer is cut and ends in `…`.
    package enum Limit {
        package static let identifier = 128
        package static let address = 128
        package static let user = 128
        package static let method = 32
        package static let host = 256
        package static let path = 2048
        package static let query = 2048
        package static let name = 256
        package static let userAgent = 512
        package static let referer = 512
    }

    package enum Query: Sendable {
        /// Only that there was one: secrets live in queries.
        case presence
        /// The query itself.
        case text
    }

    private let query: Query
    /// `2026-01-31T12:00:00` of `second`.
    private var secondText = InlineArray<24, UInt8>(repeating: 0)
    private var secondLength = 0
    private var second = Int64.min

    package init(query: Query) { self.query = query }

    /// Writes `record` and a line feed; returns how many bytes that took, or nil where it did not fit.
    package mutating func encode(
        _ record: borrowing AccessRecord, into region: UnsafeMutableRawBufferPointer
    ) -> Int? {
        var line = unsafe LineWriter(region)
        write(time: record.time, to: &line)
        AccessLogEncoder.writeIdentity(of: record, to: &line)
        writeRequest(of: record, to: &line)
        AccessLogEncoder.writeAnswer(of: record, to: &line)
        AccessLogEncoder.writeTimings(of: record.timings, to: &line)
        AccessLogEncoder.writeClient(of: record, to: &line)
        line.write("}\n")
        return line.overflowed ? nil : line.count
    }

    private mutating func write(time: WallTime, to line: inout LineWriter) {
        if time.seconds != second { rememberSecond(of: time) }
        line.write("{\"time\":\"")
        for index in 0..<secondLength { line.write(byte: secondText[index]) }
        let milliseconds = (time.nanoseconds - second * 1_000_000_000) / 1_000_000
        line.write(byte: 0x2E)
        line.write(byte: UInt8(0x30 + milliseconds / 100))
        line.write(byte: UInt8(0x30 + milliseconds / 10 % 10))
        line.write(byte: UInt8(0x30 + milliseconds % 10))
        line.write("Z\"")
    }

    /// The calendar is worked out once a second.
    private mutating func rememberSecond(of time: WallTime) {
        let text = unsafe withUnsafeTemporaryAllocation(byteCount: 32, alignment: 1) { region in
            var writer = unsafe ByteWriter(region)
            writer.write(timestamp: time)
            var text = InlineArray<24, UInt8>(repeating: 0)
            // Without `.123Z`.
            let length = min(24, writer.count - 5)
            for index in 0..<length { text[index] = writer.view[index] }
            return (text, length)
        }
        (secondText, secondLength) = text
        second = time.seconds
    }

    private static func writeIdentity(of record: borrowing AccessRecord, to line: inout LineWriter) {
        line.write(",\"id\":\"", record.requestID, limit: Limit.identifier)
        line.write(",\"trace\":\"", record.traceID, limit: Limit.identifier)
        line.write(",\"client\":\"", record.client, limit: Limit.address)
        line.write(",\"user\":\"", record.user, limit: Limit.user)
    }

    private func writeRequest(of record: borrowing AccessRecord, to line: inout LineWriter) {
        line.write(",\"method\":\"", record.method, limit: Limit.method)
        switch record.scheme {
        case .http: line.write(",\"scheme\":\"http\"")
        case .https: line.write(",\"scheme\":\"https\"")
        }
        line.write(",\"host\":\"", record.host, limit: Limit.host)
        line.write(",\"path\":\"", record.path, limit: Limit.path)
        if let text = record.query {
            switch query {
            case .presence: line.write(",\"query\":true")
            case .text:
                line.write(",\"query\":\"")
                line.write(string: text, limit: Limit.query)
                line.write(byte: 0x22)
            }
        }
        switch record.version {
        case .http10: line.write(",\"protocol\":\"HTTP/1.0\"")
        case .http11: line.write(",\"protocol\":\"HTTP/1.1\"")
        case .http2: line.write(",\"protocol\":\"HTTP/2\"")
        }
    }

    private static func writeAnswer(of record: borrowing AccessRecord, to line: inout LineWriter) {
        line.write(",\"status\":", record.status)
        if let status = record.grpcStatus { line.write(",\"grpc_status\":", status) }
        line.write(",\"outcome\":\"")
        line.write(record.outcome.code)
        line.write(byte: 0x22)
        line.write(",\"route\":\"", record.route, limit: Limit.name)
        line.write(",\"limit\":\"", record.limitRule, limit: Limit.name)
        line.write(",\"upstream\":\"", record.upstream, limit: Limit.name)
        line.write(",\"server\":\"", record.server, limit: Limit.address)
        switch record.upstreamConnection {
        case .none: break
        case .fresh: line.write(",\"reused\":false")
        case .reused: line.write(",\"reused\":true")
        }
        line.write(",\"retries\":", record.retries)
        line.write(",\"bytes_in\":", record.bytesIn)
        line.write(",\"bytes_out\":", record.bytesOut)
    }

    private static func writeTimings(of timings: Timings, to line: inout LineWriter) {
        line.write(",\"head_us\":", microseconds: timings.head)
        line.write(",\"policy_us\":", microseconds: timings.policy)
        line.write(",\"queue_us\":", microseconds: timings.queue)
        line.write(",\"connect_us\":", microseconds: timings.connect)
        line.write(",\"response_us\":", microseconds: timings.response)
        line.write(",\"total_us\":", microseconds: timings.total)
    }

    private static func writeClient(of record: borrowing AccessRecord, to line: inout LineWriter) {
        line.write(",\"sequence\":", record.sequence)
        line.write(",\"user_agent\":\"", record.userAgent, limit: Limit.userAgent)
        line.write(",\"referer\":\"", publicPart(of: record.referer), limit: Limit.referer)
    }

    /// A Referer without query and fragment; empty where it names a user, as a password may stand there too.
    private static func publicPart(of referer: ByteView) -> ByteView {
        guard referer.count > 0 else { return referer }
        var end = referer.count
        if let query = referer.firstIndex(of: 0x3F) { end = min(end, query) }
        if let fragment = referer.firstIndex(of: 0x23) { end = min(end, fragment) }
        let part = referer.prefix(end)
        return part.firstIndex(of: 0x40) == nil ? part : .empty
    }
}

extension LineWriter {
    /// A key, its text and the closing quote; nothing where the text is empty.
    @inline(__always)
    fileprivate mutating func write(_ key: StaticString, _ text: ByteView, limit: Int) {
        guard text.count > 0 else { return }
        write(key)
        write(string: text, limit: limit)
        write(byte: 0x22)
    }

    @inline(__always)
    fileprivate mutating func write(_ key: StaticString, _ number: Int) {
        write(key)
        write(number: number)
    }

    @inline(__always)
    fileprivate mutating func write(_ key: StaticString, microseconds nanoseconds: Int64?) {
        guard let nanoseconds else { return }
        write(key)
        write(number: Int(nanoseconds / 1000))
    }
}
