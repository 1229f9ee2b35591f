import Addressing
import Bytes
import Pipeline
import Testing

@Suite struct BanPolicyTests {
    @Test(arguments: [(200, false), (400, false), (401, true), (404, true), (429, true), (500, false)])
    func `only the statuses that settings name count`(status: Int, counts: Bool) {
        #expect(BanPolicy(BanSettings()).watches(status) == counts)
        #expect(!BanPolicy(nil).watches(status))
    }

    @Test(arguments: [
        ("192.0.2.7", "192.0.2.7"), ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:0:1ff:1::1", "2001:db8:0:100::/56"), ("2001:db8:0:100::", "2001:db8:0:100::/56"),
    ])
    func `a ban holds for an address, or for a subscriber's block`(address: String, key: String) {
        #expect(BanKey.text(IPAddress(literal: address), ipv6Prefix: 56) == key)
    }

    @Test func `one bucket counts for a block, another for its neighbour`() {
        let policy = BanPolicy(BanSettings())
        func key(_ address: String) -> UInt64 { policy.demand(of: IPAddress(literal: address))[0].key }
        #expect(key("2001:db8:0:100::1") == key("2001:db8:0:1ff::2"))
        #expect(key("2001:db8:0:100::1") != key("2001:db8:0:200::1"))
        #expect(key("192.0.2.1") != key("192.0.2.2"))
    }

    @Test(arguments: [(Int64(1), 1), (999_999_999, 1), (1_000_000_001, 2), (600_000_000_000, 600)])
    func `a banned client hears when it is served again`(left: Int64, seconds: Int) throws {
        try withState { state in
            var settings = BanSettings()
            settings.status = .tooManyRequests
            let policy = BanPolicy(settings)
            let answer = policy.answer(left: left, &state)
            #expect(answer.status == 429)
            #expect(answer.retryAfter == seconds)
            #expect(state.refusedBy === policy.rule)
        }
    }

    @Test func `exempt addresses are never banned`() throws {
        var settings = BanSettings()
        settings.exempt = [try #require(AddressRange("10.0.0.0/8"))]
        #expect(BanPolicy(settings).isExempt(IPAddress(literal: "10.1.2.3")))
        #expect(!BanPolicy(settings).isExempt(IPAddress(literal: "11.1.2.3")))
    }
}
