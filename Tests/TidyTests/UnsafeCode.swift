/// Unsafe code stands in few files, and each says why it is sound.
enum UnsafeCode {
    /// Files or whole folders (with a slash at the end) that may hold unsafe code, each with the reason.
    static let allowed: [String: String] = [
        "Sources/Addressing/AddressSet.swift": "blocks of addresses that all threads read",
        "Sources/Bytes/Buffer.swift": "owns the memory of a block",
        "Sources/Bytes/BufferPool.swift": "owns the free blocks",
        "Sources/Bytes/ByteView.swift": "the one place where view memory is read",
        "Sources/Bytes/ByteWriter.swift": "writes into a region, bounds-checked",
        "Sources/Bytes/MutableByteView.swift": "the one place where borrowed memory is written",
        "Sources/Bytes/Scratch.swift": "owns a worker's scratch memory",
        "Sources/Certificates/OpenSSL/": "the one place where certificates meet OpenSSL's memory",
        "Sources/Control/Admin/ProcessNumbers.swift": "asks the kernel about this process",
        "Sources/Demo/BlockingSocket.swift": "the demo's system calls",
        "Sources/Demo/Clock.swift": "the C library's calendar",
        "Sources/Demo/Thread.swift": "the demo's threads",
        "Sources/Demo/WebSocketAccept.swift": "SHA-1 by OpenSSL",
        "Sources/HTTP2/Callbacks.swift": "what nghttp2 calls",
        "Sources/HTTP2/HTTP2Port.swift": "owns what nghttp2's callbacks write to",
        "Sources/HTTP2/HTTP2Session.swift": "one session of nghttp2",
        "Sources/HTTP2/HeadAssembly.swift": "copies nghttp2's bytes",
        "Sources/HTTP2/NameValues.swift": "fields as nghttp2 takes them",
        "Sources/HTTPModel/ByteViewWords.swift": "reads whole words out of a view",
        "Sources/HTTPModel/FieldTable.swift": "owns the memory of a head's lines",
        "Sources/JWT/Base64URL.swift": "reads a vector as words, fills an array",
        "Sources/JWT/OpenSSL/": "keys and signatures by OpenSSL",
        "Sources/JWT/PinnedBytes.swift": "constants that never move",
        "Sources/Reactor/": "the one place of system calls",
        "Sources/Redis/ReplyReader.swift": "reads replies by hiredis",
        "Sources/Settings/Document/YAMLReader.swift": "reads YAML by libyaml",
        "Sources/Slots/SlotTable.swift": "owns the memory of its slots",
        "Sources/Stores/Memory/CounterStripes.swift": "owns the memory of its stripes",
        "Sources/TLS/": "TLS by OpenSSL",
        "Sources/Telemetry/AccessLogEncoder.swift": "writes a record into a log block",
        "Sources/Telemetry/AccessLogWriter.swift": "the writer's thread",
        "Sources/Telemetry/EventLine.swift": "writes a line into a block",
        "Sources/Telemetry/EventLog.swift": "hands lines to the writer",
        "Sources/Telemetry/LineWriter.swift": "writes into a region, bounds-checked",
        "Sources/Telemetry/LogBlock.swift": "owns the memory of a log block",
        "Sources/Telemetry/LogSink.swift": "the log's system calls",
        "Sources/Telemetry/Monitor.swift": "a mutex and its condition",
        "Sources/Telemetry/PinnedText.swift": "text that never moves",
        "Sources/Telemetry/WorkerMetrics.swift": "counters in a mapping of their own",
        "Sources/floodgate/Terminal.swift": "writes to the terminal",
    ]

    static func check(_ file: SourceFile) -> [Finding] {
        guard file.path.hasPrefix("Sources/"), let line = firstUnsafeLine(file) else { return [] }
        let isAllowed = allowed.keys.contains {
            $0.hasSuffix("/") ? file.path.hasPrefix($0) : file.path == $0
        }
        guard isAllowed else {
            let message =
                "unsafe code outside of the list: go through Bytes or Reactor, "
                + "or add the file to UnsafeCode.allowed with the reason"
            return [Finding(path: file.path, line: line, message: message)]
        }
        guard file.lines.contains(where: { $0.contains("// SAFETY:") }) else {
            let message =
                "unsafe code without `// SAFETY:`: say who keeps the memory alive, and on which thread"
            return [Finding(path: file.path, line: line, message: message)]
        }
        return []
    }

    /// The keyword `unsafe`, or a type or function of the library that says it in its name.
    private static func firstUnsafeLine(_ file: SourceFile) -> Int? {
        let words = file.linesOfCode(with: "unsafe") + file.linesOfCode(with: "unsafeBitCast")
        let types = file.code.firstIndex { $0.contains("Unsafe") }.map { $0 + 1 }
        return (words + (types.map { [$0] } ?? [])).min()
    }
}
