import Bytes
import HTTPModel

/// The field lines of a head or of a trailer section (RFC 9112 §5): both parsers and the chunk decoder read
/// them here.
enum FieldLines {
    /// One look at the place where a field line may begin.
    enum Line {
        /// A field line, and where the next line begins.
        case field(Field, next: Int)
        /// The empty line, and the offset behind it.
        case end(Int)
        /// Not all of the line is there.
        case incomplete
    }

    /// Adds all lines from `start` on to `fields`, and returns the offset behind the empty line, or nil where
    /// it is not there yet. `singletons` tells whether a second line of a singleton field is refused.
    @inline(__always)
    static func parse(
        _ bytes: ByteView, from start: Int, maximum: Int, singletons: Singletons,
        into fields: inout FieldTable,
        notes: inout HeadNotes
    ) throws(HeadError) -> Int? {
        var cursor = start
        while true {
            switch try line(bytes, at: cursor) {
            case .incomplete: return nil
            case .end(let end): return end
            case .field(let field, let next):
                if fields.contains(field.name) { try refuseSecond(field.name, singletons) }
                guard fields.count < maximum, fields.append(field) else { throw .tooManyFields }
                try notes.note(field, bytes)
                cursor = next
            }
        }
    }

    enum Singletons { case refuseAll, refuseFraming }

    /// Throws where a name that occurs already may not occur again.
    private static func refuseSecond(_ name: FieldName, _ singletons: Singletons) throws(HeadError) {
        switch name {
        case .host: if singletons == .refuseAll { throw .duplicateHost }
        case .contentLength: throw .duplicateContentLength
        case .transferEncoding: throw .invalidTransferEncoding
        default: if singletons == .refuseAll, FieldRules.isSingleton(name) { throw .duplicateField }
        }
    }

    /// Reads the line that begins at `start`.
    @inline(__always)
    static func line(_ bytes: ByteView, at start: Int) throws(HeadError) -> Line {
        var colon = endOfPlainName(bytes, from: start)
        guard colon &- start <= HeadLimits.maximumFieldName else { throw .fieldNameTooLong }
        guard colon < bytes.count else { return .incomplete }
        var isAmbiguous = false
        if bytes[colon] != ASCII.colon || colon == start {
            if colon == start, bytes[start] == ASCII.carriageReturn { return try emptyLine(bytes, at: start) }
            guard let end = try endOfUnusualName(bytes, from: start, isAmbiguous: &isAmbiguous) else {
                return .incomplete
            }
            colon = end
        }

        var valueStart = colon &+ 1
        while valueStart < bytes.count, ASCII.isBlank(bytes[valueStart]) { valueStart &+= 1 }
        let lineEnd = endOfText(bytes, from: valueStart)
        guard try endsLine(bytes, at: lineEnd) else { return .incomplete }
        var valueEnd = lineEnd
        while valueEnd > valueStart, ASCII.isBlank(bytes[valueEnd &- 1]) { valueEnd &-= 1 }

        let name: FieldName = isAmbiguous ? .ambiguous : FieldName(lowercasing: bytes.slice(start, colon))
        let field = Field(
            name: name, nameLength: colon &- start, lineStart: start, valueStart: valueStart,
            valueLength: valueEnd &- valueStart)
        return .field(field, next: lineEnd &+ 2)
    }

    private static func emptyLine(_ bytes: ByteView, at start: Int) throws(HeadError) -> Line {
        guard start &+ 1 < bytes.count else { return .incomplete }
        guard bytes[start &+ 1] == ASCII.lineFeed else { throw .bareCarriageReturn }
        return .end(start &+ 2)
    }

    /// Whether CRLF stands at `index`, where text ended; false where that cannot be told yet.
    @inline(__always)
    static func endsLine(_ bytes: ByteView, at index: Int) throws(HeadError) -> Bool {
        guard index < bytes.count else { return false }
        guard bytes[index] == ASCII.carriageReturn else {
            throw bytes[index] == ASCII.lineFeed ? .bareLineFeed : .badFieldValue
        }
        guard index &+ 1 < bytes.count else { return false }
        guard bytes[index &+ 1] == ASCII.lineFeed else { throw .bareCarriageReturn }
        return true
    }

    /// The colon behind a name that is not letters, digits and hyphens alone; nil where it is not there yet.
    @inline(never)
    private static func endOfUnusualName(
        _ bytes: ByteView, from start: Int, isAmbiguous: inout Bool
    ) throws(HeadError) -> Int? {
        var index = start
        while index < bytes.count, ASCII.isToken(bytes[index]) {
            if bytes[index] == 0x5F || bytes[index] == 0x2E { isAmbiguous = true }
            index &+= 1
        }
        guard index &- start <= HeadLimits.maximumFieldName else { throw .fieldNameTooLong }
        guard index < bytes.count else { return nil }
        switch bytes[index] {
        case ASCII.colon where index > start: return index
        case ASCII.lineFeed: throw .bareLineFeed
        case let byte where ASCII.isBlank(byte): throw index == start ? .foldedLine : .spaceBeforeColon
        // What a CR means, the byte behind it tells: the reason is the same wherever the head was cut.
        case ASCII.carriageReturn where index &+ 1 == bytes.count: return nil
        case ASCII.carriageReturn where bytes[index &+ 1] != ASCII.lineFeed: throw .bareCarriageReturn
        default: throw .badFieldName
        }
    }

    /// Index of the first byte that is no letter, digit or hyphen, which most names end with.
    @inline(__always)
    static func endOfPlainName(_ bytes: ByteView, from start: Int) -> Int {
        var index = start
        while index &+ 16 <= bytes.count {
            let block = bytes.block(at: index)
            let letters = ((block | Block.all(0x20)) &- Block.all(0x61)) .< Block.all(26)
            let others = ((block &- Block.all(0x30)) .< Block.all(10)) .| (block .== Block.all(0x2D))
            if let offset = (.!(letters .| others)).firstTrue { return index &+ offset }
            index &+= 16
        }
        while index < bytes.count {
            let byte = bytes[index]
            guard ASCII.isLetter(byte) || ASCII.isDigit(byte) || byte == 0x2D else { return index }
            index &+= 1
        }
        return index
    }

    /// Index of the first control character but tab: what ends a field value or a reason phrase (RFC 9110
    /// §5.5).
    @inline(__always)
    static func endOfText(_ bytes: ByteView, from start: Int) -> Int {
        var index = start
        while index &+ 16 <= bytes.count {
            let block = bytes.block(at: index)
            let low = (block .< Block.all(0x20)) .& (block .!= Block.all(0x09))
            if let offset = (low .| (block .== Block.all(0x7F))).firstTrue { return index &+ offset }
            index &+= 16
        }
        while index < bytes.count, ASCII.isFieldContent(bytes[index]) { index &+= 1 }
        return index
    }
}
