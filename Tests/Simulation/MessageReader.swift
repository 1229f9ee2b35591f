/// Reads HTTP/1.1 messages off a byte stream, strictly, and shares no code with what is tested.
struct MessageReader {
    struct Head {
        var line: [String] = []
        var fields: [(name: String, value: String)] = []

        func value(_ name: String) -> String? { fields.first { $0.name == name }?.value }
        func count(_ name: String) -> Int { fields.filter { $0.name == name }.count }
        func has(_ name: String, _ option: String) -> Bool {
            fields.contains { field in
                field.name == name
                    && field.value.lowercased().split(separator: ",").contains { $0.trimmed == option }
            }
        }
    }

    enum Framing: Equatable { case none, length(Int), chunked, untilClose }

    enum Part {
        case head(Head)
        case body(ArraySlice<UInt8>)
        case end
    }

    enum Problem: Error { case malformed(String) }

    private enum State { case head, length(Int), chunkSize, chunk(Int), chunkEnd, trailers, untilClose }

    private var inbox: [UInt8] = []
    private var start = 0
    private var state = State.head

    /// Bytes that belong to no message yet.
    var rest: ArraySlice<UInt8> { inbox[start...] }
    var isBetweenMessages: Bool {
        if case .head = state { return start == inbox.count }
        return false
    }

    mutating func add(_ bytes: ArraySlice<UInt8>) {
        if start > 65536 || start == inbox.count {
            inbox.removeFirst(start)
            start = 0
        }
        inbox.append(contentsOf: bytes)
    }

    mutating func takeRest() -> ArraySlice<UInt8> {
        let all = inbox[start...]
        start = inbox.count
        return all
    }

    /// How the body behind the last head is framed.
    mutating func begin(_ framing: Framing) {
        switch framing {
        case .none: state = .length(0)
        case .length(let length): state = .length(length)
        case .chunked: state = .chunkSize
        case .untilClose: state = .untilClose
        }
    }

    /// The next part, nil where more bytes are needed. `begin` must follow a head.
    mutating func next() throws(Problem) -> Part? {
        switch state {
        case .head: return try nextHead()
        case .length(0):
            state = .head
            return .end
        case .length(let left):
            guard let taken = take(left) else { return nil }
            state = .length(left - taken.count)
            return .body(taken)
        case .untilClose: return take(.max).map { .body($0) }
        case .chunkSize:
            guard let line = try line() else { return nil }
            let digits = line.prefix { $0 != UInt8(ascii: ";") }
            guard let size = Int(String(decoding: digits, as: UTF8.self), radix: 16), size >= 0 else {
                throw .malformed("chunk size \(line)")
            }
            state = size == 0 ? .trailers : .chunk(size)
            return try next()
        case .chunk(let left):
            guard let taken = take(left) else { return nil }
            state = taken.count == left ? .chunkEnd : .chunk(left - taken.count)
            return .body(taken)
        case .chunkEnd:
            guard let line = try line() else { return nil }
            guard line.isEmpty else { throw .malformed("chunk end") }
            state = .chunkSize
            return try next()
        case .trailers:
            guard let line = try line() else { return nil }
            if !line.isEmpty { return try next() }
            state = .head
            return .end
        }
    }

    private mutating func take(_ most: Int) -> ArraySlice<UInt8>? {
        guard start < inbox.count else { return nil }
        let end = most > inbox.count - start ? inbox.count : start + most
        defer { start = end }
        return inbox[start..<end]
    }

    private mutating func line() throws(Problem) -> ArraySlice<UInt8>? {
        guard let feed = inbox[start...].firstIndex(of: 10) else {
            guard inbox.count - start < 4096 else { throw .malformed("a line without end") }
            return nil
        }
        guard feed > start, inbox[feed - 1] == 13 else { throw .malformed("a bare line feed") }
        defer { start = feed + 1 }
        return inbox[start..<feed - 1]
    }

    private mutating func nextHead() throws(Problem) -> Part? {
        let begun = start
        var head = Head()
        while let bytes = try line() {
            let text = String(decoding: bytes, as: UTF8.self)
            if head.line.isEmpty {
                head.line = text.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false).map(
                    String.init)
                guard head.line.count >= 2 else { throw .malformed("first line \(text)") }
            } else if text.isEmpty {
                return .head(head)
            } else {
                guard let colon = text.firstIndex(of: ":") else { throw .malformed("field line \(text)") }
                head.fields.append(
                    (text[..<colon].lowercased(), String(text[text.index(after: colon)...].trimmed)))
            }
        }
        start = begun
        return nil
    }
}

extension StringProtocol {
    fileprivate var trimmed: SubSequence {
        var part = self[...]
        while part.first == " " || part.first == "\t" { part.removeFirst() }
        while part.last == " " || part.last == "\t" { part.removeLast() }
        return part
    }
}
