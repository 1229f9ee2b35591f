import Bytes
import Time

/// One event as a line of text or JSON, never longer than a pipe takes at once.
// SAFETY: the scratch regions live for the closures that use them; `LineWriter` and `ByteWriter` check every
// write, and what leaves is a copy.
struct EventLine {
    /// PIPE_BUF: longer writes to a pipe may mix with others.
    static let limit = 4096
    /// Bytes taken of one detail's value.
    static let valueLimit = 1024

    private let format: EventLog.Format
    private var bytes: [UInt8] = []

    init(format: EventLog.Format, time: WallTime, level: EventLog.Level, message: StaticString) {
        self.format = format
        let timestamp = EventLine.render { $0.write(timestamp: time) }
        switch format {
        case .text: bytes += timestamp + Array(" \(level.name) \(message)".utf8)
        case .json:
            bytes += Array(#"{"time":""#.utf8) + timestamp
            bytes += Array("\",\"level\":\"\(level.name)\",\"message\":\"".utf8)
            bytes += EventLine.escaped("\(message)")
            bytes.append(0x22)
        }
    }

    /// Adds a detail. One that no longer fits is left out.
    mutating func add(_ key: String, _ value: String) {
        var detail: [UInt8] = []
        switch format {
        case .text:
            detail += Array(" \(key)=".utf8)
            detail +=
                EventLine.isPlain(value) ? Array(value.utf8) : [0x22] + EventLine.escaped(value) + [0x22]
        case .json:
            detail +=
                [0x2C, 0x22] + EventLine.escaped(key) + Array("\":\"".utf8) + EventLine.escaped(value) + [
                    0x22
                ]
        }
        if bytes.count + detail.count + 2 <= EventLine.limit { bytes += detail }
    }

    consuming func finish() -> [UInt8] {
        switch format {
        case .text: bytes.append(0x0A)
        case .json: bytes += [0x7D, 0x0A]
        }
        return bytes
    }

    /// Whether a value can stand without quotes.
    private static func isPlain(_ value: String) -> Bool {
        !value.isEmpty && value.utf8.count <= 256
            && value.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != 0x22 && $0 != 0x5C && $0 != 0x3D }
    }

    private static func escaped(_ text: String) -> [UInt8] {
        unsafe withUnsafeTemporaryAllocation(byteCount: valueLimit * 6 + 8, alignment: 1) { region in
            var writer = unsafe LineWriter(region)
            Array(text.utf8).withView { writer.write(string: $0, limit: valueLimit) }
            return writer.view.array()
        }
    }

    private static func render(_ write: (inout ByteWriter) -> Void) -> [UInt8] {
        unsafe withUnsafeTemporaryAllocation(byteCount: 64, alignment: 1) { region in
            var writer = unsafe ByteWriter(region)
            write(&writer)
            return writer.view.array()
        }
    }
}
