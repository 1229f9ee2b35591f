import Bytes
import Testing

@testable import WebSocket

@Suite struct FrameTrackerTests {
    private let hello = Array("Hello".utf8)

    private func tracker(
        _ direction: FrameTracker.Direction = .fromServer, limits: FrameTracker.Limits = .none,
        compression: FrameTracker.Compression = .none
    ) -> FrameTracker {
        FrameTracker(direction: direction, limits: limits, compression: compression)
    }

    /// What becomes of a server's frames, one behind the other.
    private func passage(_ frames: WireFrame..., limits: FrameTracker.Limits = .none)
        -> FrameTracker.Passage
    {
        var tracker = tracker(limits: limits)
        return tracker.pass(frames.flatMap(\.bytes))
    }

    @Test(arguments: [
        (FrameTracker.Direction.fromServer, [UInt8]([0x81, 0x05, 0x48, 0x65, 0x6C, 0x6C, 0x6F]), 1, 1, 0),
        (.fromClient, [0x81, 0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58], 1, 1, 0),
        (.fromServer, [0x01, 0x03, 0x48, 0x65, 0x6C, 0x80, 0x02, 0x6C, 0x6F], 2, 1, 0),
        (.fromServer, [0x89, 0x05, 0x48, 0x65, 0x6C, 0x6C, 0x6F], 1, 0, 1),
        (.fromClient, [0x8A, 0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58], 1, 0, 1),
        (.fromServer, [0x82, 0x7E, 0x01, 0x00] + [UInt8](repeating: 7, count: 256), 1, 1, 0),
        (.fromServer, [0x82, 0x7F, 0, 0, 0, 0, 0, 1, 0, 0] + [UInt8](repeating: 7, count: 65536), 1, 1, 0),
    ])
    func `the examples of RFC 6455 5_7 pass and are counted`(
        direction: FrameTracker.Direction, bytes: [UInt8], frames: UInt64, messages: UInt64, controls: UInt64
    ) {
        var tracker = tracker(direction)
        #expect(tracker.pass(bytes) == .passed)
        #expect(tracker.isAtBoundary)
        #expect(!tracker.isInsideMessage)
        #expect(tracker.counts.frames == frames)
        #expect(tracker.counts.messages == messages)
        #expect(tracker.counts.controls == controls)
        #expect(tracker.counts.bytes == UInt64(bytes.count))
    }

    @Test func `only a frame's end is a boundary`() {
        for mask in [nil, exampleMask] {
            for length in [0, 1, 5, 125, 126, 300, 65536] {
                let payload = [UInt8](repeating: 0x61, count: length)
                let bytes = WireFrame(opcode: 2, mask: mask, payload: payload).bytes
                let head = bytes.count - length
                var tracker = tracker(mask == nil ? .fromServer : .fromClient)
                for (index, byte) in bytes.enumerated() {
                    #expect(tracker.isAtBoundary == (index == 0))
                    #expect(tracker.unfinishedHead == (index < head ? index : 0))
                    #expect(tracker.pass([byte]) == .passed)
                }
                #expect(tracker.isAtBoundary)
                #expect(tracker.counts.payload == UInt64(length))
            }
        }
    }

    @Test func `a Close frame may be put between frames until one has passed`() {
        var tracker = tracker()
        #expect(tracker.mayClose)
        _ = tracker.pass(WireFrame(opcode: 1, isFinal: false, payload: hello).bytes)
        // Between fragments too.
        #expect(tracker.mayClose)
        #expect(tracker.isInsideMessage)
        _ = tracker.pass([0x80])
        #expect(!tracker.mayClose)
        _ = tracker.pass([0x00])
        #expect(tracker.mayClose)
        #expect(!tracker.isInsideMessage)
        _ = tracker.pass([0x88, 0x00])
        #expect(tracker.isAtBoundary)
        #expect(!tracker.mayClose)
    }

    @Test func `a Close frame is known with its code, masked or not`() {
        for mask in [nil, exampleMask] {
            for (payload, code) in [([], nil), ([0x03, 0xE9], 1001), ([0x0F, 0xA0] + hello, 4000)]
                as [([UInt8], UInt16?)]
            {
                let bytes = WireFrame(opcode: 8, mask: mask, payload: payload).bytes
                for cut in 0..<bytes.count {
                    var tracker = tracker(mask == nil ? .fromServer : .fromClient)
                    #expect(tracker.close == .none)
                    #expect(tracker.pass(Array(bytes[..<cut])) == .passed)
                    #expect(tracker.close == .none)
                    #expect(tracker.pass(Array(bytes[cut...])) == .passed)
                    #expect(tracker.close == .passed(code.map(CloseCode.init)))
                }
            }
        }
    }

    @Test func `behind a Close frame nothing but control frames passes`() {
        let close = WireFrame(opcode: 8, payload: [0x03, 0xE8])
        for opcode in [UInt8(0), 1, 2] {
            let outcome = passage(close, WireFrame(opcode: opcode))
            #expect(outcome == .broken(.dataAfterClose(Opcode(rawValue: opcode)!), at: 4))
        }
        var tracker = tracker()
        let more = WireFrame(opcode: 9).bytes + WireFrame(opcode: 8, payload: [0x03, 0xEA]).bytes
        #expect(tracker.pass(close.bytes + more) == .passed)
        #expect(tracker.close == .passed(.normal))
    }

    @Test(arguments: UInt8(3)...15)
    func `an opcode without a meaning is refused`(opcode: UInt8) {
        let outcome = passage(WireFrame(opcode: opcode))
        let isKnown = [8, 9, 10].contains(opcode)
        #expect(outcome == (isKnown ? .passed : .broken(.unknownOpcode(opcode), at: 0)))
    }

    @Test(arguments: UInt8(1)...7)
    func `a reserved bit needs its extension`(reserved: UInt8) {
        for opcode in [UInt8(1), 2, 8, 9, 10] {
            let bytes = WireFrame(opcode: opcode, reserved: reserved).bytes
            var plain = tracker()
            #expect(plain.pass(bytes) == .broken(.reservedBits(reserved), at: 0))
            var compressed = tracker(compression: .perMessageDeflate)
            let isRight = reserved == 4 && opcode <= 2
            #expect(compressed.pass(bytes) == (isRight ? .passed : .broken(.reservedBits(reserved), at: 0)))
        }
    }

    @Test func `RSV1 stands on a message's first frame alone`() {
        var tracker = tracker(compression: .perMessageDeflate)
        let first = WireFrame(opcode: 1, isFinal: false, reserved: 4).bytes
        #expect(tracker.pass(first + WireFrame(opcode: 0, isFinal: false).bytes) == .passed)
        #expect(tracker.pass(WireFrame(opcode: 0, reserved: 4).bytes) == .broken(.reservedBits(4), at: 0))
    }

    @Test func `clients mask and servers do not`() {
        var client = tracker(.fromClient)
        #expect(client.pass(WireFrame(opcode: 1).bytes) == .broken(.unmasked, at: 0))
        #expect(passage(WireFrame(opcode: 1, mask: exampleMask)) == .broken(.masked, at: 0))
    }

    @Test(arguments: [Opcode.close, .ping, .pong])
    func `control frames are whole and short`(opcode: Opcode) {
        let fragment = WireFrame(opcode: opcode.rawValue, isFinal: false)
        #expect(passage(fragment) == .broken(.fragmentedControl(opcode), at: 0))
        for (length, isShort) in [(0, true), (125, true), (126, false), (300, false), (70000, false)] {
            let frame = WireFrame(opcode: opcode.rawValue, payload: [UInt8](repeating: 0, count: length))
            #expect(passage(frame) == (isShort ? .passed : .broken(.longControl(opcode), at: 0)))
        }
        let half = passage(WireFrame(opcode: opcode.rawValue, payload: [3]))
        #expect(half == (opcode == .close ? .broken(.closeOfOneByte, at: 0) : .passed))
    }

    @Test func `continuations follow a message that has begun, and nothing else does`() {
        let first = WireFrame(opcode: 1, isFinal: false, payload: hello)
        let ping = WireFrame(opcode: 9, payload: hello)
        let last = WireFrame(opcode: 0, payload: hello)
        #expect(passage(first, ping, WireFrame(opcode: 0, isFinal: false), ping, last) == .passed)
        #expect(passage(last) == .broken(.continuationOfNothing, at: 0))
        #expect(passage(first, last, last) == .broken(.continuationOfNothing, at: 14))
        #expect(passage(ping, last) == .broken(.continuationOfNothing, at: 7))
        #expect(passage(first, ping, first) == .broken(.messageInsideMessage(.text), at: 14))
        #expect(passage(first, WireFrame(opcode: 2)) == .broken(.messageInsideMessage(.binary), at: 7))
    }

    @Test func `a length is written in as few bytes as it needs, and has 63 bits`() {
        for length in [UInt64(0), 1, 125] {
            let frame = WireFrame(opcode: 2, lengthBytes: 2, claimed: length)
            #expect(passage(frame) == .broken(.lengthNotMinimal(length), at: 0))
        }
        for length in [UInt64(0), 126, 0xFFFF] {
            let frame = WireFrame(opcode: 2, lengthBytes: 8, claimed: length)
            #expect(passage(frame) == .broken(.lengthNotMinimal(length), at: 0))
        }
        for length in [UInt64(126), 0xFFFF] {
            #expect(passage(WireFrame(opcode: 2, lengthBytes: 2, claimed: length)) == .passed)
        }
        for length in [UInt64(0x10000), .max >> 1] {
            #expect(passage(WireFrame(opcode: 2, lengthBytes: 8, claimed: length)) == .passed)
        }
        for length in [UInt64.max, 1 << 63] {
            let frame = WireFrame(opcode: 2, lengthBytes: 8, claimed: length)
            #expect(passage(frame) == .broken(.lengthOf64Bits, at: 0))
        }
    }

    @Test func `a message grows to 63 bits and no further`() {
        var tracker = tracker(limits: .none)
        let first = WireFrame(opcode: 2, isFinal: false, payload: [7])
        #expect(tracker.pass(first.bytes) == .passed)
        let next = WireFrame(opcode: 0, lengthBytes: 8, claimed: .max >> 1)
        let limit = UInt64.max >> 1
        #expect(tracker.pass(next.bytes) == .broken(.messageTooBig(1 << 63, limit: limit), at: 0))
    }

    @Test func `a frame beyond its limit is refused before its payload`() {
        let limits = FrameTracker.Limits(frame: 100, message: 1000)
        let right = WireFrame(opcode: 2, payload: [UInt8](repeating: 0, count: 100))
        #expect(passage(right, limits: limits) == .passed)
        let head = Array(WireFrame(opcode: 2, claimed: 101).bytes)
        var tracker = tracker(limits: limits)
        #expect(tracker.pass(head) == .broken(.frameTooBig(101, limit: 100), at: 0))
        #expect(FrameViolation.frameTooBig(101, limit: 100).code == .messageTooBig)
    }

    @Test func `a message is limited over its fragments, and control frames do not count`() {
        let limits = FrameTracker.Limits(frame: 100, message: 250)
        let hundred = [UInt8](repeating: 0, count: 100)
        let first = WireFrame(opcode: 2, isFinal: false, payload: hundred)
        let next = WireFrame(opcode: 0, isFinal: false, payload: hundred)
        let ping = WireFrame(opcode: 9, payload: [UInt8](repeating: 0, count: 125))
        let fits = WireFrame(opcode: 0, payload: [UInt8](repeating: 0, count: 50))
        let more = WireFrame(opcode: 0, payload: [UInt8](repeating: 0, count: 51))
        #expect(passage(first, next, ping, ping, fits, first, next, fits, limits: limits) == .passed)
        let outcome = passage(first, next, more, limits: limits)
        #expect(outcome == .broken(.messageTooBig(251, limit: 250), at: 204))
        #expect(FrameViolation.messageTooBig(251, limit: 250).code == .messageTooBig)
    }

    @Test func `control frames pass whatever the limits`() {
        let limits = FrameTracker.Limits(frame: 0, message: 0)
        let ping = WireFrame(opcode: 9, payload: hello)
        #expect(passage(ping, WireFrame(opcode: 1), limits: limits) == .passed)
        let outcome = passage(WireFrame(opcode: 1, payload: [1]), limits: limits)
        #expect(outcome == .broken(.frameTooBig(1, limit: 0), at: 0))
    }

    @Test func `what is broken stays broken`() {
        var tracker = tracker()
        #expect(tracker.pass([0x83]) == .broken(.unknownOpcode(3), at: 0))
        #expect(tracker.violation == .unknownOpcode(3))
        #expect(!tracker.isAtBoundary)
        #expect(tracker.unfinishedHead == 0)
        #expect(tracker.pass(WireFrame(opcode: 1).bytes) == .broken(.unknownOpcode(3), at: 0))
        #expect(tracker.counts == FrameTracker.Counts())
    }

    @Test func `a violation names the place where its frame began, before the view if need be`() {
        var tracker = tracker()
        let ping = WireFrame(opcode: 9, payload: hello).bytes
        #expect(tracker.pass(ping + [0x82, 0x7E, 0x00]) == .passed)
        #expect(tracker.unfinishedHead == 3)
        let outcome = [UInt8]([0x05]).withView { tracker.pass($0) }
        #expect(outcome == .broken(.lengthNotMinimal(5), at: -3))
    }

    @Test func `an empty view changes nothing`() {
        var tracker = tracker()
        #expect(tracker.pass([0x81]) == .passed)
        let before = tracker
        #expect(tracker.pass([]) == .passed)
        #expect(tracker == before)
    }
}
