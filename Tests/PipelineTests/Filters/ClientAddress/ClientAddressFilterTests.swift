import Addressing
import Pipeline
import Testing

@Suite struct ClientAddressFilterTests {
    private static let filter = ClientAddressFilter(
        trusted: [AddressRange("10.0.0.0/8")!, AddressRange("fd00::/8")!])

    struct Case: CustomTestStringConvertible {
        let peer: String
        let forwarded: [String]
        let client: String
        var testDescription: String { "\(peer), \(forwarded) → \(client)" }
    }

    @Test(
        arguments: [
            // A stranger's claim is never looked at.
            Case(peer: "192.0.2.1", forwarded: ["198.51.100.7"], client: "192.0.2.1"),
            Case(peer: "10.0.0.1", forwarded: [], client: "10.0.0.1"),
            Case(peer: "10.0.0.1", forwarded: ["198.51.100.7"], client: "198.51.100.7"),
            // The rightmost that is not a proxy of ours; what stands left of it anybody may have written.
            Case(
                peer: "10.0.0.1", forwarded: ["203.0.113.9, 198.51.100.7, 10.0.0.2"], client: "198.51.100.7"),
            Case(
                peer: "10.0.0.1", forwarded: ["203.0.113.9", "198.51.100.7", "10.0.0.2"],
                client: "198.51.100.7"),
            Case(peer: "10.0.0.1", forwarded: ["10.0.0.3, 10.0.0.2"], client: "10.0.0.3"),
            // What is no address ends the walk.
            Case(peer: "10.0.0.1", forwarded: ["198.51.100.7, nonsense, 10.0.0.2"], client: "10.0.0.2"),
            Case(peer: "10.0.0.1", forwarded: ["198.51.100.7,, 10.0.0.2"], client: "10.0.0.2"),
            Case(peer: "10.0.0.1", forwarded: ["198.51.100.7:4711"], client: "198.51.100.7"),
            Case(peer: "10.0.0.1", forwarded: ["[2001:db8::1]:4711"], client: "2001:db8::1"),
            Case(peer: "fd00::1", forwarded: ["2001:db8::1"], client: "2001:db8::1"),
            Case(peer: "10.0.0.1", forwarded: [""], client: "10.0.0.1"),
        ])
    func `the client is the last address that nobody of ours has`(example: Case) throws {
        let lines = example.forwarded.map { "\nX-Forwarded-For: \($0)" }.joined()
        let peer = IPAddress(literal: example.peer)
        try withState("GET / HTTP/1.1\nHost: a" + lines, peer: peer) { state in
            #expect(Self.filter.decide(&state).status == nil)
            let client = state.client
            let isTrusted = state.peerIsTrusted
            #expect(client == IPAddress(literal: example.client))
            #expect(isTrusted == (example.peer != "192.0.2.1"))
        }
    }
}
