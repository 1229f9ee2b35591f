import Bytes
import Testing

@testable import WebSocket

/// Streams of random frames, most of them right, read in random pieces.
@Suite struct FrameTrackerPropertyTests {
    private struct Stream {
        var direction: FrameTracker.Direction
        var limits: FrameTracker.Limits
        var compression: FrameTracker.Compression
        var bytes: [UInt8]

        var tracker: FrameTracker {
            FrameTracker(direction: direction, limits: limits, compression: compression)
        }

        init(seed: UInt64) {
            var random = SeededGenerator(seed: seed)
            direction = Bool.random(using: &random) ? .fromClient : .fromServer
            compression = Bool.random(using: &random) ? .perMessageDeflate : .none
            let isLimited = Int.random(in: 0..<4, using: &random) == 0
            limits = isLimited ? FrameTracker.Limits(frame: 400, message: 600) : .none
            bytes = []
            var isInside = false
            for _ in 0..<Int.random(in: 1...20, using: &random) {
                bytes += Self.frame(direction, compression, &isInside, &random).bytes
            }
            // One stream in two is damaged somewhere.
            if Bool.random(using: &random) {
                let index = Int.random(in: bytes.indices, using: &random)
                bytes[index] = UInt8.random(in: .min ... .max, using: &random)
            }
        }

        private static func frame(
            _ direction: FrameTracker.Direction, _ compression: FrameTracker.Compression,
            _ isInside: inout Bool, _ random: inout SeededGenerator
        ) -> WireFrame {
            let mask = direction == .fromClient ? MaskingKey(bits: random.next32()) : nil
            if Int.random(in: 0..<3, using: &random) == 0 {
                let isLast = Int.random(in: 0..<10, using: &random) == 0
                let opcode: UInt8 = isLast ? 8 : UInt8.random(in: 9...10, using: &random)
                var payload = random.bytes(Int.random(in: 0...125, using: &random))
                if opcode == 8, payload.count == 1 { payload = [] }
                return WireFrame(opcode: opcode, mask: mask, payload: payload)
            }
            let start: UInt8 = Bool.random(using: &random) ? 1 : 2
            let isCompressed = compression == .perMessageDeflate && !isInside && Bool.random(using: &random)
            let lengths = [0, 1, 125, 126, 200, 500, 0xFFFF, 0x10000]
            let widest = Int.random(in: 0..<20, using: &random) == 0 ? 7 : 5
            let length = lengths[Int.random(in: 0...widest, using: &random)]
            let frame = WireFrame(
                opcode: isInside ? 0 : start, isFinal: Bool.random(using: &random),
                reserved: isCompressed ? 4 : 0, mask: mask, payload: random.bytes(length))
            isInside = !frame.isFinal
            return frame
        }
    }

    @Test(arguments: UInt64(0)..<200)
    func `any cut of a stream gives the same result`(seed: UInt64) {
        let stream = Stream(seed: seed)
        var whole = stream.tracker
        let outcome = whole.pass(stream.bytes)
        var random = SeededGenerator(seed: ~seed)
        for round in 0..<4 {
            let widest = [1, 3, 20, 500][round]
            // What the pieces leave of a long stream comes at once.
            let pieces = (0..<1000).map { _ in Int.random(in: 0...widest, using: &random) }
            var cut = stream.tracker
            #expect(cut.pass(stream.bytes, pieces: pieces) == outcome, "seed \(seed), pieces up to \(widest)")
            #expect(cut == whole, "seed \(seed), pieces up to \(widest)")
        }
    }

    @Test(arguments: UInt64(0)..<400)
    func `the tracker agrees with a reader that has the whole stream`(seed: UInt64) {
        let stream = Stream(seed: seed)
        var tracker = stream.tracker
        let outcome = tracker.pass(stream.bytes)
        let reader = WholeReader(stream.tracker, stream.bytes)
        switch outcome {
        case .passed: #expect(reader.brokenAt == nil, "seed \(seed)")
        case .broken(_, let place): #expect(reader.brokenAt == place, "seed \(seed)")
        }
        #expect(tracker.counts.frames == reader.frames, "seed \(seed)")
        #expect(tracker.counts.messages == reader.messages, "seed \(seed)")
        #expect(tracker.close == reader.close, "seed \(seed)")
        #expect(tracker.isAtBoundary == reader.endsAtBoundary, "seed \(seed)")
    }

    @Test func `a Close frame put in at any boundary is taken for one`() {
        for seed in UInt64(0)..<30 {
            let stream = Stream(seed: seed)
            var tracker = stream.tracker
            let mask = stream.direction == .fromClient ? exampleMask : nil
            let frame = written { CloseFrame.write(code: .goingAway, masked: mask, to: &$0) }
            for byte in stream.bytes {
                if tracker.mayClose {
                    var closed = tracker
                    #expect(closed.pass(frame) == .passed, "seed \(seed)")
                    #expect(closed.close == .passed(.goingAway), "seed \(seed)")
                }
                guard tracker.pass([byte]) == .passed else { break }
            }
        }
    }
}

/// A second reading of RFC 6455, written for whole streams and for clearness.
private struct WholeReader {
    private(set) var brokenAt: Int?
    private(set) var frames: UInt64 = 0
    private(set) var messages: UInt64 = 0
    private(set) var close = FrameTracker.Close.none
    private(set) var endsAtBoundary = true

    init(_ rules: FrameTracker, _ bytes: [UInt8]) { read(rules, bytes) }

    private mutating func read(_ rules: FrameTracker, _ bytes: [UInt8]) {
        var start = 0
        var open: UInt64?
        while start < bytes.count {
            endsAtBoundary = false
            let rest = Array(bytes[start...])
            let opcode = rest[0] & 15
            let isControl = opcode >= 8
            let isFinal = rest[0] >= 128
            var allowed: UInt8 = 0
            if rules.compression == .perMessageDeflate, opcode == 1 || opcode == 2 { allowed = 0x40 }
            var isWrong = ![0, 1, 2, 8, 9, 10].contains(opcode) || rest[0] & 0x70 & ~allowed != 0
            isWrong = isWrong || (isControl && !isFinal) || (!isControl && close != .none)
            isWrong = isWrong || (opcode == 0 && open == nil) || ((1...2).contains(opcode) && open != nil)
            if isWrong { return brokenAt = start }
            guard rest.count >= 2 else { return }
            let short = Int(rest[1] & 127)
            if (rest[1] >= 128) != (rules.direction == .fromClient) { return brokenAt = start }
            if isControl, short > 125 || (opcode == 8 && short == 1) { return brokenAt = start }
            let width = short == 126 ? 2 : short == 127 ? 8 : 0
            guard rest.count >= 2 + width else { return }
            var length = UInt64(short)
            if width > 0 { length = rest[2..<(2 + width)].reduce(0) { $0 << 8 | UInt64($1) } }
            let least: UInt64 = width == 0 ? 0 : width == 2 ? 126 : 65536
            if length < least || length > .max >> 1 { return brokenAt = start }
            if !isControl {
                if length > rules.limits.frame { return brokenAt = start }
                open = (open ?? 0) + length
                if let open, open > rules.limits.message { return brokenAt = start }
            }
            let head = 2 + width + (rules.direction == .fromClient ? 4 : 0)
            guard rest.count >= head, UInt64(rest.count - head) >= length else { return }
            frames += 1
            if opcode == 8, close == .none {
                let mask = rules.direction == .fromClient ? rest[(head - 4)..<head] : [0, 0, 0, 0]
                let payload = zip(rest[head...], mask).map { $0 ^ $1 }
                let code = payload.prefix(2).reduce(0) { $0 << 8 | UInt16($1) }
                close = .passed(length == 0 ? nil : CloseCode(rawValue: code))
            }
            if !isControl, isFinal {
                messages += 1
                open = nil
            }
            start += head + Int(length)
            endsAtBoundary = true
        }
    }
}

extension SeededGenerator {
    fileprivate mutating func next32() -> UInt32 { UInt32(truncatingIfNeeded: next()) }

    fileprivate mutating func bytes(_ count: Int) -> [UInt8] {
        (0..<count).map { _ in UInt8(truncatingIfNeeded: next()) }
    }
}
