import Bytes
import Testing

@testable import HTTP2

/// Frames' heads, wherever the bytes are cut.
@Suite struct FrameScannerTests {
    private struct Seen: Equatable {
        let length: Int
        let type: UInt8
        let flags: UInt8
    }

    private static let frames: [Seen] = [
        Seen(length: 0, type: 4, flags: 0), Seen(length: 18, type: 1, flags: 5),
        Seen(length: 0, type: 4, flags: 1),
        Seen(length: 300, type: 0, flags: 1), Seen(length: 1, type: 0xFF, flags: 0xFF),
        Seen(length: 66_000, type: 0, flags: 0), Seen(length: 8, type: 6, flags: 0),
    ]

    private static let bytes: [UInt8] = frames.flatMap { frame in
        let head = [
            UInt8(frame.length >> 16), UInt8(frame.length >> 8 & 255), UInt8(frame.length & 255), frame.type,
            frame.flags, 0, 0, 0, 1,
        ]
        return head + [UInt8](repeating: 0xAA, count: frame.length)
    }

    private func scan(_ pieces: [[UInt8]], preface: Int = 0) -> [Seen] {
        var scanner = FrameScanner(preface: preface)
        var seen: [Seen] = []
        for piece in pieces {
            piece.withView { view in
                scanner.scan(view) { head in
                    seen.append(Seen(length: head.length, type: head.type, flags: head.flags))
                    return true
                }
            }
        }
        return seen
    }

    @Test func `cut in two at every place`() {
        let bytes = Self.bytes
        for cut in 0...min(bytes.count, 400) {
            #expect(scan([Array(bytes[..<cut]), Array(bytes[cut...])]) == Self.frames, "cut at \(cut)")
        }
    }

    @Test(arguments: [1, 2, 3, 7, 8, 9, 10, 11, 64, 4096])
    func `in pieces of one size, behind a preface`(size: Int) {
        let bytes = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + Self.bytes
        let pieces = stride(from: 0, to: bytes.count, by: size).map {
            Array(bytes[$0..<min($0 + size, bytes.count)])
        }
        #expect(scan(pieces, preface: 24) == Self.frames)
    }

    @Test func `who wants no more is told of no more`() {
        var scanner = FrameScanner(preface: 0)
        var count = 0
        Self.bytes.withView { view in
            scanner.scan(view) { _ in
                count += 1
                return count < 3
            }
        }
        #expect(count == 3)
    }
}
