import Bytes
import Foundation
import Glibc
import Telemetry
import Time

/// Bytes at an address that does not move, for as long as the test holds them.
final class PinnedBytes {
    private let base: UnsafeMutableRawPointer
    private let count: Int

    init(_ bytes: [UInt8]) {
        base = .allocate(byteCount: max(1, bytes.count), alignment: 1)
        base.copyMemory(from: bytes, byteCount: bytes.count)
        count = bytes.count
    }

    deinit { base.deallocate() }

    var view: ByteView { ByteView(start: base, count: count) }
}

/// SplitMix64: the same numbers for the same seed, everywhere.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

/// A directory that is gone after the test.
final class ScratchDirectory {
    let path: String

    init() {
        var template = Array("/tmp/floodgate-telemetry-XXXXXX".utf8CString)
        precondition(mkdtemp(&template) != nil)
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func file(_ name: String) -> String { "\(path)/\(name)" }
}

/// A pipe whose reader reads only when told.
final class Pipe {
    let reader: Int32
    private(set) var writer: Int32

    /// `F_SETPIPE_SZ`, which the Glibc module does not show.
    private static let setSize: Int32 = 1031

    init(nonBlocking: Bool = false, size: Int32 = 65_536) {
        var ends: [Int32] = [0, 0]
        precondition(pipe(&ends) == 0)
        (reader, writer) = (ends[0], ends[1])
        _ = fcntl(writer, Pipe.setSize, size)
        if nonBlocking { _ = fcntl(writer, F_SETFL, O_NONBLOCK) }
    }

    deinit {
        close(reader)
        closeWriter()
    }

    func closeWriter() {
        if writer >= 0 { close(writer) }
        writer = -1
    }

    /// What comes until `bytes` are there or nothing has come for five seconds.
    func read(atLeast bytes: Int) -> [UInt8] {
        var result: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while result.count < bytes {
            var entry = pollfd(fd: reader, events: Int16(POLLIN), revents: 0)
            guard poll(&entry, 1, 5000) == 1 else { break }
            let length = Glibc.read(reader, &chunk, chunk.count)
            guard length > 0 else { break }
            result += chunk[..<length]
        }
        return result
    }
}

extension Pipe {
    /// As many lines, or fewer where nothing has come for five seconds.
    func read(lines: Int) -> [UInt8] {
        var result: [UInt8] = []
        var found = 0
        while found < lines {
            let more = read(atLeast: 1)
            guard !more.isEmpty else { break }
            found += more.count(where: { $0 == 0x0A })
            result += more
        }
        return result
    }
}

func contents(of path: String) -> [UInt8] { FileManager.default.contents(atPath: path).map(Array.init) ?? [] }

/// The lines of `bytes`, each parsed as a JSON object; nil where one is not.
func parsed(_ bytes: [UInt8]) -> [[String: Any]]? {
    var result: [[String: Any]] = []
    for line in bytes.split(separator: 0x0A) {
        guard let object = try? JSONSerialization.jsonObject(with: Data(line)) as? [String: Any] else {
            return nil
        }
        result.append(object)
    }
    return result
}

/// An event log that nobody reads.
func silentEvents() -> EventLog {
    EventLog(format: .text, level: .error, descriptor: open("/dev/null", O_WRONLY))
}

/// Waits for what another thread does; false after a minute, which a busy machine may need.
func eventually(_ condition: () -> Bool) -> Bool {
    let end = ContinuousClock.now + .seconds(60)
    while ContinuousClock.now < end {
        if condition() { return true }
        poll(nil, 0, 1)
    }
    return false
}

/// A record like those of an ordinary request. Literals live as long as the process.
func ordinaryRecord() -> AccessRecord {
    var record = AccessRecord()
    record.time = WallTime(nanoseconds: 1_767_182_400_123_456_789)
    record.requestID = ByteView("0f8fad5bd9cb469fa16570867728950e")
    record.traceID = ByteView("4bf92f3577b34da6a3ce929d0e0e4736")
    record.client = ByteView("203.0.113.7")
    record.user = ByteView("u-7")
    record.method = ByteView("GET")
    record.scheme = .https
    record.host = ByteView("app.example.com")
    record.path = ByteView("/api/trpc/profile.get")
    record.query = ByteView("token=secret")
    record.status = 200
    record.route = ByteView("api")
    record.upstream = ByteView("app")
    record.server = ByteView("127.0.0.1:3000")
    record.bytesIn = 353
    record.bytesOut = 1234
    record.upstreamConnection = .reused
    record.sequence = 7
    record.userAgent = ByteView("Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/128.0")
    record.referer = ByteView("https://app.example.com/profile?session=secret#top")
    record.timings.headBegun = Instant(nanoseconds: 1_000_000)
    record.timings.headComplete = Instant(nanoseconds: 1_010_000)
    record.timings.policyDone = Instant(nanoseconds: 1_012_000)
    record.timings.upstreamChosen = Instant(nanoseconds: 1_012_000)
    record.timings.connected = Instant(nanoseconds: 1_013_000)
    record.timings.requestSent = Instant(nanoseconds: 1_020_000)
    record.timings.responseHead = Instant(nanoseconds: 4_020_999)
    record.timings.responseEnd = Instant(nanoseconds: 5_000_000)
    return record
}
