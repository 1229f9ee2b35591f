import Bytes
import Testing

@testable import Redis

struct KeySlotTests {
    @Test func `the checksum is the one of the specification`() {
        let sum = "123456789".utf8.reduce(UInt16(0)) { KeySlot.checksum($1, after: $0) }
        expectEqual(sum, 0x31C3)
    }

    /// As `CLUSTER KEYSLOT` of Redis 7.0 says them.
    @Test(
        arguments: [
            ("", 0), ("123456789", 12739), ("foo", 12182), ("bar", 5061), ("hello", 866),
            ("{user1000}.following", 3443), ("{user1000}.followers", 3443), ("user1000", 3443),
            ("foo{}{bar}", 8363), ("foo{{bar}}zap", 4015), ("foo{bar}{zap}", 5061), ("{", 4092),
            ("{}", 15257),
            ("foo{bar", 15278), ("foo}bar{", 11073), ("a}b{foo}", 12182),
        ])
    func `a key has the slot that Redis says`(key: String, slot: Int) {
        let bytes = Array(key.utf8)
        bytes.withView { expectEqual(KeySlot($0).number, slot) }
        for middle in 0...bytes.count {
            for end in middle...bytes.count {
                bytes.withView { view in
                    let slotOfParts = KeySlot(
                        view.slice(0, middle), view.slice(middle, end), view.dropFirst(end))
                    expectEqual(slotOfParts.number, slot, "in parts \(middle) \(end)")
                }
            }
        }
    }

    @Test func `there are 16384 slots`() {
        expectEqual(KeySlot(16_383)?.number, 16_383)
        expectEqual(KeySlot(16_384), nil)
        expectEqual(KeySlot(-1), nil)
    }
}
