import Bytes
import HTTP1
import HTTPModel

/// A chunked body is the same wherever it is cut and for a plain strict reader, stays the same when it is
/// framed anew, and never reaches into what stands behind it.
enum ChunkedBodyProperties {
    /// What came of a body.
    private struct Outcome: Equatable {
        var payload: [UInt8] = []
        var trailers: [UInt8] = []
        var consumed = 0
        var isEnded = false
        var error: ChunkError?

        /// For messages; the payload is long.
        var summary: String {
            let words = "\(payload.count) bytes, \(consumed) read, ended \(isEnded)"
            return error.map { "\(words), \($0)" } ?? words
        }
    }

    static func check(_ bytes: [UInt8]) throws(Violation) {
        let whole = try decode(bytes, cuts: [])
        if bytes.count <= 256 {
            try compare(whole, decode(bytes, cuts: Array(0..<bytes.count)), "byte by byte")
        }
        var cuts = Cuts(bytes)
        for _ in 0..<4 {
            let first = cuts.next(upTo: bytes.count)
            let second = first + cuts.next(upTo: bytes.count - first)
            try compare(whole, decode(bytes, cuts: [first, second]), "cut at \(first) and \(second)")
        }
        let reference = ReferenceBody(bytes)
        guard whole.isEnded else {
            try hold(
                reference == nil || reference?.isNearLimits == true,
                "a strict reader sees a body, the decoder: \(whole.summary)")
            return
        }
        guard let reference else {
            throw Violation(description: "a body was accepted in which no strict reader sees one")
        }
        try hold(
            reference.end == whole.consumed, "read \(whole.consumed) bytes, the body has \(reference.end)")
        try hold(reference.payload == whole.payload, "another payload than a strict reader's")
        try checkTrailers(whole.trailers, reference)
        try checkFramedAnew(whole, &cuts)
    }

    private static func compare(
        _ whole: Outcome, _ parts: Outcome, _ how: @autoclosure () -> String
    ) throws(Violation) {
        try hold(whole.error == parts.error, "\(how()): \(parts.summary), in one piece: \(whole.summary)")
        // How far the payload before an error came depends on the cuts.
        guard whole.error == nil else { return }
        try hold(whole == parts, "\(how()): \(parts.summary), in one piece: \(whole.summary)")
    }

    private static func decode(_ bytes: [UInt8], cuts: [Int]) throws(Violation) -> Outcome {
        var reader = BodyReader(.chunked)
        var outcome = Outcome()
        var start = 0
        for cut in cuts + [bytes.count] where outcome.error == nil && !outcome.isEnded {
            var piece = Array(bytes[start..<cut])
            start = cut
            guard !piece.isEmpty else { continue }
            var consumed = 0
            piece.withUnsafeMutableBytes { region in
                let view = MutableByteView(region)
                do throws(ChunkError) {
                    let step = try reader.read(view)
                    outcome.payload += view.view.slice(step.payload.lowerBound, step.payload.upperBound)
                        .array()
                    outcome.isEnded = step.ended
                    consumed = step.consumed
                } catch {
                    outcome.error = error
                }
            }
            guard outcome.error == nil else { continue }
            let isPart = consumed == piece.count || outcome.isEnded && consumed < piece.count
            try hold(isPart, "\(consumed) of \(piece.count) bytes were read although the body goes on")
            let from = cut - piece.count
            try hold(
                piece[consumed...].elementsEqual(bytes[(from + consumed)..<cut]),
                "bytes behind the body were changed")
            outcome.consumed += consumed
        }
        try hold(outcome.isEnded == reader.isEnded || outcome.error != nil, "the reader's end is another")
        if outcome.isEnded { outcome.trailers = reader.trailers }
        return outcome
    }

    private static func checkTrailers(_ trailers: [UInt8], _ reference: ReferenceBody) throws(Violation) {
        var index = 0
        var next = 0
        while index < trailers.count {
            guard let end = ReferenceHead.endOfLine(trailers, index),
                let line = ReferenceHead.field(trailers[index..<end])
            else { throw Violation(description: "trailers that are no lines: \(shown(trailers))") }
            index = end + 2
            while next < reference.trailers.count,
                reference.trailers[next].name != line.name || reference.trailers[next].value != line.value
            {
                next += 1
            }
            try hold(next < reference.trailers.count, "a trailer that was not sent: \(shown(line.name))")
            next += 1
            let isForbidden = forbidden.contains { equal(line.name, $0) }
            let isAmbiguous = line.name.contains(0x5F) || line.name.contains(0x2E)
            try hold(!isForbidden && !isAmbiguous, "the trailer \(shown(line.name)) is passed on")
        }
    }

    private static let forbidden: [StaticString] = [
        "content-length", "transfer-encoding", "host", "connection", "upgrade", "te", "trailer", "expect",
        "authorization", "cookie", "set-cookie", "content-type", "content-encoding", "cache-control",
        "x-forwarded-for", "x-real-ip", "forwarded", "x-request-id", "traceparent", "if-match", "range",
    ]

    /// Puts frames of other sizes around the payload: what comes out is the same body.
    private static func checkFramedAnew(_ body: Outcome, _ cuts: inout Cuts) throws(Violation) {
        var framed: [UInt8] = []
        var start = 0
        while start < body.payload.count {
            let end = start + 1 + cuts.next(upTo: min(body.payload.count - start - 1, 300))
            let payload = Array(body.payload[start..<end])
            start = end
            var region = [UInt8](repeating: 0x2A, count: payload.count + 64)
            region.withUnsafeMutableBytes { memory in
                let view = MutableByteView(memory)
                payload.withView { view.write($0, at: 32) }
                let frame = BodyCoding.chunked.frame(32..<32 + payload.count, in: view)
                framed += view.view.slice(frame.lowerBound, frame.upperBound).array()
            }
        }
        var region = [UInt8](repeating: 0, count: 16)
        region.withUnsafeMutableBytes { memory in
            let view = MutableByteView(memory)
            let end = BodyCoding.chunked.close(at: 0, in: view, hasTrailers: !body.trailers.isEmpty)
            framed += view.view.prefix(end).array()
        }
        if !body.trailers.isEmpty { framed += body.trailers + [0x0D, 0x0A] }
        let again = try decode(framed + Array("GET / HTTP/1.1\r\n".utf8), cuts: [])
        try hold(
            again.isEnded && again.consumed == framed.count && again.payload == body.payload
                && again.trailers == body.trailers, "framed anew: \(again.summary), before: \(body.summary)")
    }
}

/// A chunked body as the plainest strict reader sees it (RFC 9112 §7.1).
struct ReferenceBody {
    private(set) var payload: [UInt8] = []
    private(set) var trailers: [ReferenceHead.Line] = []
    private(set) var end = 0
    /// So many bytes of extensions or trailers that a reader with bounds may refuse them.
    private(set) var isNearLimits = false

    /// Nil where `bytes` do not begin with a whole and faultless body.
    init?(_ bytes: [UInt8]) {
        var extensions = 0
        var index = 0
        while true {
            guard let lineEnd = ReferenceHead.endOfLine(bytes, index) else { return nil }
            let line = bytes[index..<lineEnd]
            index = lineEnd + 2
            let digits = line.prefix { Self.isHex($0) }
            let rest = line[digits.endIndex...]
            extensions += rest.count
            guard let size = Int(String(decoding: digits, as: UTF8.self), radix: 16) else { return nil }
            if digits.count > 15 { isNearLimits = true }
            if let first = rest.first(where: { $0 != 0x20 && $0 != 0x09 }) {
                guard first == 0x3B else { return nil }
            } else if !rest.isEmpty {
                return nil
            }
            if size == 0 { break }
            guard size <= bytes.count - index - 2 else { return nil }
            payload += bytes[index..<index + size]
            index += size
            guard bytes[index] == 0x0D, bytes[index + 1] == 0x0A else { return nil }
            index += 2
        }
        let trailersStart = index
        while true {
            guard let lineEnd = ReferenceHead.endOfLine(bytes, index) else { return nil }
            let line = bytes[index..<lineEnd]
            index = lineEnd + 2
            if line.isEmpty { break }
            guard let field = ReferenceHead.field(line) else { return nil }
            if field.name.count > 255 { isNearLimits = true }
            trailers.append(field)
        }
        end = index
        if extensions > 4096 || index - trailersStart > 8190 || trailers.count > 64 { isNearLimits = true }
    }

    private static func isHex(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x46, 0x61...0x66: true
        default: false
        }
    }
}
