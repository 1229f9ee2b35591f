import Addressing
import Proxy
import Telemetry
import Testing
import Time

@testable import Control

@Suite struct SentinelTests {
    private static let routes = ["-", "/api", "/app"]

    private func seen(
        limited: UInt64 = 0, peers: [(String, UInt32, UInt32)] = [], writes: [Int: UInt32] = [:],
        open: [Int: UInt32] = [:]
    ) -> Sightings {
        var seen = Sightings()
        seen.limited = limited
        for (address, requests, limited) in peers {
            seen.peers.add(
                PeerTable.Peer(address: IPAddress(address)!, requests: requests, limited: limited))
        }
        if !writes.isEmpty { seen.unlimitedWrites = Self.counts(writes) }
        if !open.isEmpty { seen.openAnswers = Self.counts(open) }
        return seen
    }

    private static func counts(_ of: [Int: UInt32]) -> [UInt32] {
        routes.indices.map { of[$0] ?? 0 }
    }

    private func words(_ findings: [Finding]) -> [String] {
        findings.map { "\($0.kind.rawValue) \($0.subject)" }
    }

    struct Case: Sendable, CustomStringConvertible {
        var description: String
        var limited: UInt64 = 0
        var peers: [(String, UInt32, UInt32)] = []
        var writes: [Int: UInt32] = [:]
        var open: [Int: UInt32] = [:]
        var finds: [String]
    }

    @Test(arguments: [
        Case(description: "nothing", finds: []),
        Case(description: "traffic without headers", limited: 100_000, finds: []),
        Case(
            description: "a balancer", limited: 1000, peers: [("10.0.0.5", 990, 990)],
            finds: ["shared_address 10.0.0.5"]),
        Case(
            description: "two balancers: each less than half", limited: 1000,
            peers: [("10.0.0.5", 500, 500), ("10.0.0.6", 500, 500)],
            finds: ["untrusted_forwarding 10.0.0.0/24"]),
        Case(
            description: "too little to say", limited: 90, peers: [("10.0.0.5", 90, 90)],
            finds: ["untrusted_forwarding 10.0.0.0/24"]),
        Case(
            description: "a stranger who tries once", limited: 10, peers: [("203.0.113.9", 1, 1)], finds: []),
        Case(
            description: "strangers of one range", peers: [("203.0.113.9", 10, 0), ("203.0.113.10", 10, 0)],
            finds: ["untrusted_forwarding 203.0.113.0/24"]),
        Case(
            description: "strangers by IPv6", peers: [("2001:db8:1:2::9", 20, 0)],
            finds: ["untrusted_forwarding 2001:db8:1::/48"]),
        Case(description: "a few writes", writes: [1: 9], finds: []),
        Case(
            description: "writes", writes: [1: 10, 2: 11],
            finds: ["unlimited_writes /app", "unlimited_writes /api"]),
        Case(description: "an open answer", open: [2: 1], finds: ["open_origin /app"]),
    ])
    func `counts come to findings`(it: Case) {
        let seen = seen(limited: it.limited, peers: it.peers, writes: it.writes, open: it.open)
        #expect(words(Sentinel.judge(seen, routes: Self.routes)) == it.finds)
    }

    @Test func `of many findings the greatest are told`() {
        let peers = (0..<60).map { ("10.0.\($0).1", UInt32(100 + $0), UInt32(0)) }
        let findings = Sentinel.judge(seen(peers: peers), routes: [])
        #expect(findings.count <= Sentinel.mostOfAKind)
        #expect(findings.first?.subject == "10.0.59.0/24")
    }

    @Test func `a finding is new once, and again with new settings or when it was forgotten`() {
        let start = Instant(nanoseconds: 1_000_000_000)
        var book = FindingBook(now: start)
        let open = seen(open: [2: 1])
        #expect(words(book.add(open, routes: Self.routes, generation: 1, now: start)) == ["open_origin /app"])
        #expect(book.add(open, routes: Self.routes, generation: 1, now: start + .seconds(2)).isEmpty)
        #expect(words(book.findings) == ["open_origin /app"])
        #expect(book.add(Sightings(), routes: Self.routes, generation: 1, now: start + .seconds(300)).isEmpty)
        #expect(!book.findings.isEmpty)

        #expect(book.add(Sightings(), routes: Self.routes, generation: 2, now: start + .seconds(302)).isEmpty)
        #expect(book.findings.isEmpty)
        #expect(!book.add(open, routes: Self.routes, generation: 2, now: start + .seconds(304)).isEmpty)

        let later = start + .seconds(8000)
        #expect(book.add(Sightings(), routes: Self.routes, generation: 2, now: later).isEmpty)
        #expect(book.findings.isEmpty)
    }

    @Test func `a balancer that was found is not told a second time for what it sends`() {
        let start = Instant(nanoseconds: 1_000_000_000)
        var book = FindingBook(now: start)
        let early = seen(limited: 30, peers: [("10.0.0.5", 30, 30)])
        #expect(
            words(book.add(early, routes: [], generation: 0, now: start)) == [
                "untrusted_forwarding 10.0.0.0/24"
            ])
        let late = seen(limited: 200, peers: [("10.0.0.5", 200, 200)])
        #expect(
            words(book.add(late, routes: [], generation: 0, now: start + .seconds(2)))
                == ["shared_address 10.0.0.5"])
        #expect(words(book.findings) == ["shared_address 10.0.0.5"])
        #expect(book.add(early, routes: [], generation: 0, now: start + .seconds(70)).isEmpty)
    }

    @Test func `counts are of one minute`() {
        let start = Instant(nanoseconds: 1_000_000_000)
        var book = FindingBook(now: start)
        let few = seen(writes: [1: 6])
        #expect(book.add(few, routes: Self.routes, generation: 0, now: start + .seconds(59)).isEmpty)
        #expect(book.add(few, routes: Self.routes, generation: 0, now: start + .seconds(62)).isEmpty)
        #expect(!book.add(few, routes: Self.routes, generation: 0, now: start + .seconds(64)).isEmpty)
    }

    @Test func `the busiest peers stay in the table, however many strangers come by`() {
        var table = PeerTable()
        for round in 0..<5000 as Range<UInt32> {
            table.note(IPAddress("10.0.0.5")!, isLimited: true)
            table.note(IPAddress(ipv4: 0xCB00_7100 &+ round), isLimited: false)
        }
        let balancer = table.peers.first { $0.address == IPAddress("10.0.0.5")! }
        #expect(balancer.map { $0.limited >= 5000 && $0.requests >= 5000 } == true)
        #expect(table.peers.count <= 64)
    }
}
