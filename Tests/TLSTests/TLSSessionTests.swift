import Bytes
import Certificates
import Testing

@testable import TLS

/// A whole connection between this gateway's client and its server, in memory.
@Suite struct TLSSessionTests {
    private let papers: Papers

    init() throws { papers = try Papers() }

    private func pair(
        name: String = "localhost", server: (inout ServerMaterial) -> Void = { _ in },
        client: (inout ClientMaterial) -> Void = { _ in }
    ) throws -> Pair {
        Pair(try papers.server(server), try papers.client(client), name: name)
    }

    @Test(arguments: [1, 2, 3, 5, 6, 17, 100, 1024, 65536])
    func `a handshake and what follows come through in pieces of any size`(size: Int) throws {
        let pair = try pair()
        pair.settle { size }
        #expect(pair.client.isEstablished && pair.server.isEstablished)
        #expect(pair.client.speaksHTTP2 && pair.server.speaksHTTP2)
        #expect(pair.server.version == .tls13)
        #expect(!pair.server.isResumed)
        let question = (0..<40_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        #expect(pair.write(question, to: pair.client))
        #expect(pair.write(Array("answer".utf8), to: pair.server))
        pair.settle { size }
        #expect(pair.atServer == question)
        #expect(pair.atClient == Array("answer".utf8))
        pair.close(pair.client)
        pair.settle { size }
        #expect(pair.serverEnd == .closed)
        #expect(pair.write(Array("late".utf8), to: pair.server), "the other direction is still open")
        pair.close(pair.server)
        pair.settle { size }
        #expect(pair.atClient == Array("answerlate".utf8))
        #expect(pair.clientEnd == .closed)
    }

    @Test(arguments: UInt64(0)..<40)
    func `and in pieces that are drawn at random`(seed: UInt64) throws {
        var random = Seeded(seed)
        let pair = try pair()
        pair.settle { Int.random(in: 1...400, using: &random) }
        var sent: [UInt8] = []
        for _ in 0..<20 {
            let bytes = (0..<Int.random(in: 1...20_000, using: &random)).map { _ in UInt8.random(in: 0...255)
            }
            sent += bytes
            #expect(pair.write(bytes, to: pair.server))
            while Bool.random(using: &random), pair.stepClient(Int.random(in: 1...30_000, using: &random)) {}
        }
        pair.settle { Int.random(in: 1...65536, using: &random) }
        #expect(pair.atClient == sent, "seed \(seed)")
    }

    @Test(arguments: UInt64(0)..<60)
    func `a byte that was changed on the way ends it, and never gives other bytes`(seed: UInt64) throws {
        var random = Seeded(seed)
        let pair = try pair()
        pair.settle()
        let bytes = (0..<3000).map { UInt8(truncatingIfNeeded: $0) }
        #expect(pair.write(bytes, to: pair.client))
        let place = Int.random(in: 0..<pair.toServer.count, using: &random)
        pair.toServer[place] ^= UInt8.random(in: 1...255, using: &random)
        pair.settle { Int.random(in: 1...4000, using: &random) }
        #expect(pair.atServer.isEmpty, "seed \(seed)")
        // A length that was changed may want more bytes than there are.
        if case .closed = pair.serverEnd { Issue.record("seed \(seed)") }
    }

    @Test(arguments: UInt64(0)..<60)
    func `a handshake that was damaged fails or waits, on both sides`(seed: UInt64) throws {
        var random = Seeded(seed)
        let pair = try pair()
        let place = Int.random(in: 0..<pair.toServer.count, using: &random)
        pair.toServer[place] ^= UInt8.random(in: 1...255, using: &random)
        pair.settle { Int.random(in: 1...500, using: &random) }
        #expect(!(pair.client.isEstablished && pair.server.isEstablished), "seed \(seed)")
    }

    @Test func `a certificate for another name, or of another authority, is not trusted`() throws {
        let other = try pair(name: "other.test")
        other.settle()
        guard case .failed(let failure) = other.clientEnd else { return #expect(Bool(false)) }
        #expect(failure.kind == .unverified)
        #expect(failure.description.contains("certificate not trusted"))
        #expect(!other.client.isEstablished)

        let foreign = try Papers()
        let stranger = Pair(try papers.server(), try foreign.client(), name: "localhost")
        stranger.settle()
        guard case .failed(let reason) = stranger.clientEnd else { return #expect(Bool(false)) }
        #expect(reason.kind == .unverified)
        guard case .failed(let told) = stranger.serverEnd else { return #expect(Bool(false)) }
        #expect(told.kind == .alert)

        let unverified = Pair(
            try papers.server(), try foreign.client { $0.verifies = false }, name: "other.test")
        unverified.settle()
        #expect(unverified.client.isEstablished)
    }

    @Test func `plain HTTP is told apart from other garbage`() throws {
        for (bytes, kind) in [
            ("GET / HTTP/1.1\r\n\r\n", TLSFailure.Kind.plainHTTP), ("SSH-2.0-x\r\n", .refused),
        ] {
            let pair = try pair()
            pair.toServer = Array(bytes.utf8)
            pair.settle()
            guard case .failed(let failure) = pair.serverEnd else { return #expect(Bool(false)) }
            #expect(failure.kind == kind)
        }
    }

    @Test func `the applications of both sides decide`() throws {
        let old = try pair(client: { $0.applications = [.http1] })
        old.settle()
        #expect(old.server.isEstablished && !old.server.speaksHTTP2)
        let none = try pair(server: { $0.applications = [.http1] }, client: { $0.applications = [.http2] })
        none.settle()
        #expect(!none.server.isEstablished)
    }

    @Test func `a client shows its certificate where the server asks for it`() throws {
        let authorities = Array(papers.authority.certificatePEM.utf8)
        let leaf = try papers.authority.leaf(
            names: [.dns("client.test")], use: .serverAndClient, now: Papers.time, serial: Papers.serial())
        let known = try pair(
            server: { $0.clientCertificates = .required(authorities: authorities) },
            client: { $0.certificate = (Array(leaf.certificatePEM.utf8), Array(leaf.keyPEM.utf8)) })
        known.settle()
        #expect(known.server.isEstablished)
        #expect(known.server.peerSubject == "CN=client.test")
        let unknown = try pair(server: { $0.clientCertificates = .required(authorities: authorities) })
        unknown.settle()
        #expect(!unknown.server.isEstablished)
        let optional = try pair(server: { $0.clientCertificates = .optional(authorities: authorities) })
        optional.settle()
        #expect(optional.server.isEstablished && optional.server.peerSubject == nil)
    }

    @Test func `what cannot be used is said, not used`() throws {
        let (one, other) = (try papers.certificate("one.test"), try papers.certificate("other.test"))
        var mixed = one
        mixed.key = other.key
        var garbage = one
        garbage.chain = Array("hello".utf8)
        for certificate in [mixed, garbage] {
            #expect(throws: TLSFailure.self) { try papers.server { $0.certificates = [certificate] } }
            #expect(throws: TLSFailure.self) { try papers.server { $0.certificates = [one, certificate] } }
        }
        #expect(throws: TLSFailure.self) { try papers.client { $0.authorities = Array("hello".utf8) } }
    }
}

/// A generator that makes the same numbers from the same seed (SplitMix64).
struct Seeded: RandomNumberGenerator {
    var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
