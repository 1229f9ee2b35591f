import Bytes
import Pipeline
import Stores
import Testing
import Time

/// The bounds of answers that are kept in memory.
@Suite struct AnswerRoomTests {
    private static func begin(_ records: MemoryRecords, _ key: Int, _ now: Instant = .zero) -> StoreAnswer {
        Array("key \(key)".utf8).withView {
            records.answer(
                .begin(key: $0, fingerprint: ByteView("f"), owner: UInt64(key), lease: .seconds(60)), now: now
            )
        }
    }

    private static func finish(
        _ records: MemoryRecords, _ key: Int, _ answer: [UInt8], lasts: Duration = .seconds(1000)
    ) -> StoreAnswer {
        Array("key \(key)".utf8).withView { key_ in
            answer.withView {
                records.answer(.finish(key: key_, owner: UInt64(key), answer: $0, lasts: lasts), now: .zero)
            }
        }
    }

    @Test func `1,000 answers of 256 KiB stay within the bytes, and the newest are there`() {
        let records = MemoryRecords(.init(entries: 10_000, bytes: 16 << 20))
        let answer = [UInt8](repeating: 7, count: 256 << 10)
        for key in 0..<1000 {
            expectEqual(Self.begin(records, key), .started)
            expectEqual(
                Self.finish(records, key, answer, lasts: .seconds(1000 + Int64(key))), .finished(true))
            verify(records.size.bytes <= 16 << 20, "\(records.size.bytes) bytes behind key \(key)")
        }
        verify(records.size.bytes > 8 << 20, "room is used: \(records.size.bytes)")
        expectEqual(Self.begin(records, 999), .done(fingerprint: Array("f".utf8), answer: answer))
    }

    @Test func `a full table forgets what is done, never what is under way`() {
        let records = MemoryRecords(.init(entries: 64, bytes: 1 << 20))
        for key in 0..<32 { expectEqual(Self.begin(records, key), .started) }
        for key in 100..<400 {
            expectEqual(Self.begin(records, key), .started, "key \(key)")
            expectEqual(Self.finish(records, key, [1]), .finished(true))
        }
        verify(records.size.entries <= 64)
        for key in 0..<32 {
            expectEqual(Self.begin(records, key), .inProgress(fingerprint: Array("f".utf8)), "key \(key)")
        }
        for key in 400..<432 { expectEqual(Self.begin(records, key), .started, "key \(key)") }
        expectEqual(Self.begin(records, 999), .full)
    }

    @Test func `an answer without room is done all the same, without its bytes`() {
        let records = MemoryRecords(.init(entries: 64, bytes: 1000))
        expectEqual(Self.begin(records, 1), .started)
        expectEqual(Self.finish(records, 1, [UInt8](repeating: 1, count: 1001)), .full)
        expectEqual(Self.begin(records, 1), .done(fingerprint: Array("f".utf8), answer: []))
        expectEqual(records.size.bytes, 0)
    }
}
