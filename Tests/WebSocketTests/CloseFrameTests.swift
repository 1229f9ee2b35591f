import Bytes
import Testing

@testable import WebSocket

@Suite struct CloseFrameTests {
    @Test func `a server's Close frame stands plain on the wire`() {
        let bytes = written { CloseFrame.write(code: .goingAway, masked: nil, to: &$0) }
        #expect(bytes == [0x88, 0x02, 0x03, 0xE9])
        let reasoned = written {
            CloseFrame.write(code: .messageTooBig, reason: ByteView("too big"), masked: nil, to: &$0)
        }
        #expect(reasoned == [0x88, 0x09, 0x03, 0xF1] + Array("too big".utf8))
    }

    @Test func `a client's is masked with its key`() {
        let bytes = written {
            CloseFrame.write(code: .normal, reason: ByteView("Hello"), masked: exampleMask, to: &$0)
        }
        let expected = WireFrame(
            opcode: 8, mask: exampleMask, payload: [0x03, 0xE8] + Array("Hello".utf8))
        #expect(bytes == expected.bytes)
        #expect(Array(bytes[2..<6]) == [0x37, 0xFA, 0x21, 0x3D])
    }

    @Test func `a long reason is cut between two characters`() {
        for lead in 0...3 {
            let reason =
                [UInt8](repeating: 0x61, count: lead) + Array(String(repeating: "\u{20AC}", count: 60).utf8)
            let bytes = reason.withView { view in
                written { CloseFrame.write(code: .normal, reason: view, masked: nil, to: &$0) }
            }
            let text = bytes.dropFirst(4)
            #expect(String(validating: text, as: UTF8.self) != nil)
            #expect(text.count <= CloseFrame.reasonLimit && text.count > CloseFrame.reasonLimit - 3)
            #expect(Int(bytes[1]) == bytes.count - 2)
        }
    }

    @Test func `the longest frame fits into the capacity that is named`() {
        let reason = [UInt8](repeating: 0x61, count: 500)
        let bytes = reason.withView { view in
            written { CloseFrame.write(code: .normal, reason: view, masked: exampleMask, to: &$0) }
        }
        #expect(bytes.count == CloseFrame.capacity)
    }

    @Test(arguments: [
        (UInt16(999), false), (1000, true), (1003, true), (1004, false), (1005, false), (1006, false),
        (1007, true), (1014, true), (1015, false), (2999, false), (3000, true), (4999, true), (5000, false),
    ])
    func `some codes are for reports only`(code: UInt16, maySend: Bool) {
        #expect(CloseCode(rawValue: code).maySend == maySend)
    }

    @Test func `every violation closes with a code and words that may be sent`() {
        let violations: [FrameViolation] = [
            .reservedBits(1), .unknownOpcode(3), .unmasked, .masked, .fragmentedControl(.ping),
            .longControl(.pong), .closeOfOneByte, .continuationOfNothing, .messageInsideMessage(.text),
            .dataAfterClose(.binary), .lengthOf64Bits, .lengthNotMinimal(1), .frameTooBig(2, limit: 1),
            .messageTooBig(2, limit: 1),
        ]
        for violation in violations {
            #expect(violation.code == .protocolError || violation.code == .messageTooBig)
            #expect(ByteView(violation.reason).count <= CloseFrame.reasonLimit)
        }
    }
}
