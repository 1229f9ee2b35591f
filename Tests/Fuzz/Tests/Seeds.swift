import Foundation
import FuzzTargets

/// The inputs that fuzzing begins with, as files: one folder for each target.
enum Seeds {
    static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("Seeds")

    static func folders() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { !$0.hasPrefix(".") }
            .sorted()
    }

    static func of(_ target: FuzzTarget) throws -> [(name: String, bytes: [UInt8])] {
        let place = folder.appendingPathComponent(target.rawValue)
        return try FileManager.default.contentsOfDirectory(atPath: place.path).sorted()
            .filter { !$0.hasPrefix(".") }
            .map { ($0, Array(try Data(contentsOf: place.appendingPathComponent($0)))) }
    }

    /// Mutants of a target: as many as a debug build takes about a second for.
    static func count(for target: FuzzTarget) -> Int {
        let wanted = ProcessInfo.processInfo.environment["FLOODGATE_FUZZ_COUNT"].flatMap { Int($0) }
        if let wanted { return wanted }
        return switch target {
        case .requestHead, .responseHead, .connection, .http2: 300
        case .settings: 200
        case .chunkedBody, .path, .redisReply: 1500
        case .address, .proxyProtocol, .json, .jsonScanner: 3000
        case .token, .keySet, .calls: 1000
        }
    }

    /// An input as it can be put into a seed's file: `printf` takes it.
    static func literal(_ bytes: [UInt8]) -> String {
        "printf '"
            + bytes.map { byte in
                switch byte {
                case 0x20...0x7E where ![0x25, 0x27, 0x5C].contains(byte): String(UnicodeScalar(byte))
                case 0x0A: "\\n"
                case 0x0D: "\\r"
                default: "\\x" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
                }
            }.joined() + "'"
    }
}

/// The input in work, kept where a handler can print it when the process traps over it.
enum LastInput {
    private static let lock = NSLock()
    nonisolated(unsafe) private static var inputs: [FuzzTarget: [UInt8]] = [:]
    nonisolated(unsafe) private static var isInstalled = false

    static func note(_ target: FuzzTarget, _ bytes: [UInt8]) {
        lock.withLock {
            inputs[target] = bytes
            guard !isInstalled else { return }
            isInstalled = true
            for number in [SIGILL, SIGTRAP, SIGSEGV, SIGABRT] { signal(number, show) }
        }
    }

    /// Not safe for a signal in general, but the process has come to its end anyway.
    private static let show: @convention(c) (Int32) -> Void = { number in
        for (target, bytes) in inputs {
            let line = Array("\(target.rawValue) was at: \(Seeds.literal(bytes))\n".utf8)
            _ = line.withUnsafeBytes { write(2, $0.baseAddress, $0.count) }
        }
        signal(number, SIG_DFL)
        raise(number)
    }
}
