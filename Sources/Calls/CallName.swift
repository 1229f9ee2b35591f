import Bytes

/// Names that stand for themselves in a path: what follows a route's path and a slash is then in normal form,
/// and no backend reads it in two ways.
enum CallName {
    /// Letters, digits, `_`, `.` and `-`, and no dot segment.
    static func isSegment(_ name: ByteView) -> Bool {
        guard !name.isEmpty, name.count <= CallReader.longestName, !isDots(name) else { return false }
        for index in 0..<name.count where !isPlain(name[index]) { return false }
        return true
    }

    /// Segments with slashes between them that may hold `:`, `$`, `@` and `~` as well: methods of JSON-RPC
    /// are called `tools/call`, `$/cancel` and `ns:method`.
    static func isPath(_ name: ByteView) -> Bool {
        guard !name.isEmpty, name.count <= CallReader.longestName else { return false }
        var start = 0
        for index in 0..<name.count {
            switch name[index] {
            case UInt8(ascii: "/"):
                let segment = name.slice(start, index)
                guard !segment.isEmpty, !isDots(segment) else { return false }
                start = index &+ 1
            case UInt8(ascii: ":"), UInt8(ascii: "$"), UInt8(ascii: "@"), UInt8(ascii: "~"): break
            case let byte: guard isPlain(byte) else { return false }
            }
        }
        let last = name.dropFirst(start)
        return !last.isEmpty && !isDots(last)
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        ASCII.isLetter(byte) || ASCII.isDigit(byte) || byte == UInt8(ascii: "_")
            || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "-")
    }

    private static func isDots(_ segment: ByteView) -> Bool { segment.equals(".") || segment.equals("..") }
}
