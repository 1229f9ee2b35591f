/// A head as the plainest strict reader sees it: RFC 9112 with nothing tolerated, written without a look at
/// the parsers that it judges, and sharing no code with them.
struct ReferenceHead {
    struct Line {
        /// In lower case.
        let name: [UInt8]
        let value: ArraySlice<UInt8>

        /// The name as readers take it that know no difference between `-`, `_` and `.`.
        var likeness: [UInt8] { name.map { $0 == 0x5F || $0 == 0x2E ? 0x2D : $0 } }
    }

    /// The parts of the first line, as many as were asked for.
    let start: [ArraySlice<UInt8>]
    let lines: [Line]
    /// Index behind the empty line.
    let end: Int

    /// Reads the head that begins at `from`; nil where there is no whole and faultless one.
    init?(_ bytes: [UInt8], from: Int, parts: Int) {
        var start: [ArraySlice<UInt8>]?
        var lines: [Line] = []
        var index = from
        while true {
            guard let end = Self.endOfLine(bytes, index) else { return nil }
            let line = bytes[index..<end]
            index = end + 2
            guard let known = start else {
                let words = line.split(
                    separator: 0x20, maxSplits: parts - 1, omittingEmptySubsequences: false)
                guard words.count == parts, !words[0].isEmpty else { return nil }
                start = words
                continue
            }
            if line.isEmpty {
                self.start = known
                self.lines = lines
                self.end = index
                return
            }
            guard let field = Self.field(line) else { return nil }
            lines.append(field)
        }
    }

    /// Index of the CRLF that ends the line at `from`; nil where a CR, an LF or another control character
    /// but tab stands before one.
    static func endOfLine(_ bytes: [UInt8], _ from: Int) -> Int? {
        var index = from
        while index < bytes.count {
            let byte = bytes[index]
            if byte == 0x0D { return index + 1 < bytes.count && bytes[index + 1] == 0x0A ? index : nil }
            guard byte >= 0x20 && byte != 0x7F || byte == 0x09 else { return nil }
            index += 1
        }
        return nil
    }

    static func field(_ line: ArraySlice<UInt8>) -> Line? {
        guard let colon = line.firstIndex(of: 0x3A), colon > line.startIndex else { return nil }
        let name = line[..<colon]
        guard name.allSatisfy(isToken) else { return nil }
        var value = line[(colon + 1)...]
        while let first = value.first, first == 0x20 || first == 0x09 { value.removeFirst() }
        while let last = value.last, last == 0x20 || last == 0x09 { value.removeLast() }
        return Line(name: name.map(lower), value: value)
    }

    static func isToken(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
    }

    static func lower(_ byte: UInt8) -> UInt8 { (0x41...0x5A).contains(byte) ? byte + 0x20 : byte }

    // MARK: Looking things up

    func count(_ name: StaticString) -> Int { lines.count { equal($0.name, name) } }

    func first(_ name: StaticString) -> ArraySlice<UInt8>? {
        lines.first { equal($0.name, name) }?.value
    }

    /// Lines whose name some reader may take for `name`.
    func count(like name: StaticString) -> Int { lines.count { equal($0.likeness, name) } }

    /// Elements of all lines of a list field, in lower case.
    func elements(_ name: StaticString) -> [[UInt8]] {
        lines.filter { equal($0.name, name) }.flatMap { line in
            line.value.split(separator: 0x2C).map { element in
                trimmed(element).map(Self.lower)
            }
        }
    }

    enum Framing: Equatable {
        case none, length(Int), chunked
        /// Two readers could see two bodies.
        case broken
    }

    /// What the framing fields declare (RFC 9112 §6.3), where they declare anything.
    var framing: Framing {
        let lengths = lines.filter { equal($0.name, "content-length") }
        let codings = lines.filter { equal($0.name, "transfer-encoding") }
        guard lengths.count + codings.count <= 1 else { return .broken }
        if let coding = codings.first {
            return equal(coding.value.map(Self.lower), "chunked") ? .chunked : .broken
        }
        guard let length = lengths.first else { return .none }
        guard let number = decimal(length.value) else { return .broken }
        return number == 0 ? .none : .length(number)
    }
}

/// Digits and nothing else; nil for more than an Int holds.
func decimal(_ bytes: some Collection<UInt8>) -> Int? {
    guard !bytes.isEmpty, bytes.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
    return Int(String(decoding: bytes, as: UTF8.self))
}

func equal(_ bytes: some Collection<UInt8>, _ literal: StaticString) -> Bool {
    guard bytes.count == literal.utf8CodeUnitCount else { return false }
    let text = UnsafeBufferPointer(start: literal.utf8Start, count: literal.utf8CodeUnitCount)
    return bytes.elementsEqual(text)
}

func trimmed(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    var bytes = bytes
    while let first = bytes.first, first == 0x20 || first == 0x09 { bytes.removeFirst() }
    while let last = bytes.last, last == 0x20 || last == 0x09 { bytes.removeLast() }
    return bytes
}
