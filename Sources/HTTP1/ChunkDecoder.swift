import Bytes
import HTTPModel

/// Takes a chunked body apart in place, as it arrives (RFC 9112 §7.1): chunk lines are dropped, payload is
/// moved together, trailers are parsed and filtered. Allocates only for trailers that pass, once.
package struct ChunkDecoder {
    /// What one call found.
    package struct Step: Equatable {
        /// Where the payload stands in the bytes now, in one run. Empty where there is none.
        package var payload: Range<Int>
        /// Bytes that belong to the body: all, unless it ended.
        package var consumed: Int
        /// Whether the last chunk and the trailer section are through.
        package var ended: Bool

        package init(payload: Range<Int>, consumed: Int, ended: Bool) {
            self.payload = payload
            self.consumed = consumed
            self.ended = ended
        }
    }

    /// Bytes of chunk extensions and of white space around them, in one message.
    package static let maximumExtensions = 4096
    /// Bytes of a trailer section.
    package static let maximumTrailers = 8192
    /// Lines of a trailer section.
    package static let maximumTrailerLines = 64
    /// Hexadecimal digits of a chunk size, leading zeros included: what an Int holds.
    package static let maximumDigits = 15

    /// The trailers that may be passed on, as lines `name: value` CRLF. Has its meaning once the body ended.
    package private(set) var trailers: [UInt8] = []

    private var state = State.size(0, digits: 0)
    private var extensionBytes = 0
    private var trailerBytes = 0
    private var trailerLines = 0
    /// Where in `trailers` the line in work begins.
    private var lineStart = 0

    private enum State {
        case size(Int, digits: Int)
        /// White space behind a size, which only an extension may follow.
        case blank(Int)
        case chunkExtension(Int)
        /// Between CR and LF of a chunk line.
        case sizeLineFeed(Int)
        /// This many bytes of payload are to come; at least one.
        case payload(Int)
        case payloadCarriageReturn, payloadLineFeed
        case trailerStart
        case trailer
        /// Between CR and LF of a trailer line.
        case trailerLineFeed
        /// Between CR and LF of the last line.
        case lastLineFeed
        case ended
    }

    package init() {}

    /// Decodes all of `bytes`, which follow those of the last call. After an error there is no going on.
    package mutating func decode(_ bytes: MutableByteView) throws(ChunkError) -> Step {
        var read = 0
        var payloadStart = 0
        var payloadEnd = 0
        while read < bytes.count {
            if case .ended = state { break }
            guard case .payload(let left) = state else {
                try advance(bytes[read])
                read &+= 1
                continue
            }
            let run = min(left, bytes.count &- read)
            if payloadEnd == payloadStart {
                payloadStart = read
                payloadEnd = read
            } else {
                bytes.move(from: read, to: payloadEnd, count: run)
            }
            payloadEnd &+= run
            read &+= run
            state = run == left ? .payloadCarriageReturn : .payload(left &- run)
        }
        var ended = false
        if case .ended = state { ended = true }
        return Step(payload: payloadStart..<payloadEnd, consumed: read, ended: ended)
    }

    /// Takes one byte that is not payload.
    private mutating func advance(_ byte: UInt8) throws(ChunkError) {
        switch state {
        case .size(let size, let digits): try advanceSize(byte, size, digits)
        case .blank(let size), .chunkExtension(let size): try advanceExtension(byte, size)
        case .sizeLineFeed(let size):
            guard byte == ASCII.lineFeed else { throw .badLineEnd }
            state = size == 0 ? .trailerStart : .payload(size)
        case .payload, .ended: preconditionFailure("payload and what follows the body are no lines")
        case .payloadCarriageReturn:
            guard byte == ASCII.carriageReturn else { throw .missingChunkEnd }
            state = .payloadLineFeed
        case .payloadLineFeed:
            guard byte == ASCII.lineFeed else { throw .missingChunkEnd }
            state = .size(0, digits: 0)
        case .trailerStart:
            guard byte != ASCII.carriageReturn else {
                state = .lastLineFeed
                return
            }
            try beginTrailer(byte)
        case .trailer: try advanceTrailer(byte)
        case .trailerLineFeed:
            guard byte == ASCII.lineFeed else { throw .badLineEnd }
            try endTrailer()
        case .lastLineFeed:
            guard byte == ASCII.lineFeed else { throw .badLineEnd }
            state = .ended
        }
    }

    private mutating func advanceSize(_ byte: UInt8, _ size: Int, _ digits: Int) throws(ChunkError) {
        if let digit = ASCII.hexValue(byte) {
            guard digits < ChunkDecoder.maximumDigits else { throw .sizeTooLarge }
            state = .size(size << 4 | Int(digit), digits: digits &+ 1)
            return
        }
        guard digits > 0 else { throw .badSize }
        switch byte {
        case ASCII.carriageReturn: state = .sizeLineFeed(size)
        case ASCII.lineFeed: throw .badLineEnd
        case 0x3B:
            try countExtension()
            state = .chunkExtension(size)
        case let byte where ASCII.isBlank(byte):
            try countExtension()
            state = .blank(size)
        default: throw .badSize
        }
    }

    /// Extensions are dropped unread, but may not hide a line end (CVE-2025-55315).
    private mutating func advanceExtension(_ byte: UInt8, _ size: Int) throws(ChunkError) {
        if case .blank = state {
            guard byte == 0x3B || ASCII.isBlank(byte) else { throw .badSize }
            try countExtension()
            if byte == 0x3B { state = .chunkExtension(size) }
            return
        }
        if byte == ASCII.carriageReturn {
            state = .sizeLineFeed(size)
            return
        }
        guard byte != ASCII.lineFeed else { throw .badLineEnd }
        guard ASCII.isFieldContent(byte) else { throw .badExtension }
        try countExtension()
    }

    private mutating func countExtension() throws(ChunkError) {
        extensionBytes &+= 1
        guard extensionBytes <= ChunkDecoder.maximumExtensions else { throw .extensionsTooLong }
    }
}

// Trailers
extension ChunkDecoder {
    private mutating func beginTrailer(_ byte: UInt8) throws(ChunkError) {
        trailerLines &+= 1
        guard trailerLines <= ChunkDecoder.maximumTrailerLines else { throw .tooManyTrailers }
        if trailers.capacity == 0 {
            // Each line may grow by one space behind its colon, and the line end is not counted twice.
            trailers.reserveCapacity(ChunkDecoder.maximumTrailers &+ ChunkDecoder.maximumTrailerLines)
        }
        lineStart = trailers.count
        state = .trailer
        try advanceTrailer(byte)
    }

    private mutating func advanceTrailer(_ byte: UInt8) throws(ChunkError) {
        trailerBytes &+= 1
        guard trailerBytes <= ChunkDecoder.maximumTrailers else { throw .trailersTooLarge }
        if byte == ASCII.carriageReturn {
            state = .trailerLineFeed
            return
        }
        guard byte != ASCII.lineFeed else { throw .badLineEnd }
        trailers.append(byte)
    }

    /// Parses the line that is complete now, and keeps it in its canonical form or drops it.
    private mutating func endTrailer() throws(ChunkError) {
        trailerBytes &+= 1
        guard trailerBytes <= ChunkDecoder.maximumTrailers else { throw .trailersTooLarge }
        trailers.append(ASCII.carriageReturn)
        trailers.append(ASCII.lineFeed)
        state = .trailerStart
        let start = lineStart
        let parsed: Result<Field?, HeadError> = trailers.withView { bytes in
            ChunkDecoder.field(bytes, at: start)
        }
        let kept: Field?
        switch parsed {
        case .success(let field): kept = field
        case .failure(let error): throw .badTrailer(error)
        }
        guard let field = kept else {
            trailers.removeSubrange(lineStart...)
            return
        }
        // White space behind the value, then before it: from the back, so that offsets stay.
        let valueEnd = Int(field.valueStart) &+ Int(field.valueLength)
        trailers.removeSubrange(valueEnd..<trailers.count &- 2)
        trailers.replaceSubrange(
            lineStart &+ Int(field.nameLength) &+ 1..<Int(field.valueStart),
            with: CollectionOfOne(ASCII.space))
    }

    /// The field at `start`, or nil where it must not be passed on.
    private static func field(_ bytes: ByteView, at start: Int) -> Result<Field?, HeadError> {
        do throws(HeadError) {
            guard case .field(let field, _) = try FieldLines.line(bytes, at: start) else {
                preconditionFailure("a trailer line ends with CRLF and is not empty")
            }
            let name = bytes.slice(start, start &+ Int(field.nameLength))
            return .success(FieldRules.isForbiddenTrailer(field.name, name) ? nil : field)
        } catch {
            return .failure(error)
        }
    }
}
