import Addressing
import Bytes
import Pipeline
import Testing

@Suite struct AddressListFilterTests {
    private func filter(allow: [String]? = nil, deny: [String]? = nil) -> AddressListFilter {
        func set(_ texts: [String]?) -> AddressSet? {
            texts.map { AddressSet($0.compactMap { AddressRange($0) }) }
        }
        return AddressListFilter(
            AddressListSettings.Loaded(allowed: set(allow), denied: set(deny)), name: "addresses")
    }

    @Test(arguments: [
        ("10.0.0.1", nil), ("10.6.6.6", AddressListFilter.Refusal.denied), ("192.0.2.1", .notAllowed),
        ("203.0.113.1", .denied), ("2001:db8::1", .notAllowed), ("2001:db8:1::1", nil),
    ])
    func `deny comes first, then whoever is not allowed is refused`(
        client: String, refusal: AddressListFilter.Refusal?
    ) {
        let filter = filter(
            allow: ["10.0.0.0/8", "2001:db8:1::/48"], deny: ["10.6.0.0/16", "203.0.113.0/24"])
        #expect(filter.refusal(of: IPAddress(literal: client)) == refusal)
    }

    @Test func `without an allow list everybody is served who is not denied`() {
        let filter = filter(deny: ["203.0.113.0/24"])
        #expect(filter.refusal(of: IPAddress(literal: "198.51.100.1")) == nil)
        #expect(filter.refusal(of: IPAddress(literal: "203.0.113.255")) == .denied)
    }

    @Test func `an empty allow list lets nobody in`() {
        #expect(filter(allow: []).refusal(of: .loopback) == .notAllowed)
    }

    @Test(arguments: [(AddressListFilter.Refusal.denied, "addresses.deny"), (.notAllowed, "addresses.allow")])
    func `a refusal is a 403 that names its rule`(refusal: AddressListFilter.Refusal, rule: String) throws {
        try withState { state in
            let answer = filter(allow: [], deny: []).answer(refusal, &state)
            #expect(answer.status == 403)
            #expect(answer.rule?.text.view.text() == rule)
            #expect(state.refusedBy?.text.view.text() == rule)
        }
    }
}
