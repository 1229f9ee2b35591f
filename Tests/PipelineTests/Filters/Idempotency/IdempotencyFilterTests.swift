import Addressing
import Bytes
import HTTPModel
import Telemetry
import Testing
import Time

@testable import Pipeline

@Suite struct IdempotencyFilterTests {
    /// What came of asking, in words.
    private func words(_ decision: IdempotencyFilter.Decision) -> String {
        let result = decision.result.map { " \($0)" } ?? ""
        switch decision.verdict {
        case .next: return "next\(result)"
        case .respond(let response): return "\(response.status)\(result)"
        case .replay(let message): return "replay \(message.count)\(result)"
        case .ask(.body(let limit), _): return "body \(limit)\(result)"
        case .ask(.store(let question), _):
            guard case .begin = question.operation else { return "another question" }
            return question.isLocal ? "begin here\(result)" : "begin\(result)"
        case .ask(.turn, let pause): return "turn \(pause)\(result)"
        case .ask(.takeTokens, _), .ask(.keys, _), .ask(.plan, _): return "another question"
        }
    }

    private func filter(_ change: (inout IdempotencySettings) -> Void = { _ in }) -> IdempotencyFilter {
        var settings = IdempotencySettings()
        change(&settings)
        return IdempotencyFilter(settings, route: "orders")
    }

    /// Lets a request go through the answers, and says what came of each.
    private func story(
        _ filter: IdempotencyFilter, of request: String = "POST /o HTTP/1.1\nHost: a\nIdempotency-Key: k",
        isShared: Bool = false, at times: [Int64] = [], _ answers: Answer...
    ) throws -> [String] {
        try withState(request) { state in
            var told = [words(filter.decide(&state, owner: 1, isShared: isShared, now: .zero))]
            for (index, answer) in answers.enumerated() {
                let now = Instant(nanoseconds: index < times.count ? times[index] * 1_000_000 : 0)
                told.append(
                    words(filter.decide(&state, owner: 1, isShared: isShared, now: now, with: answer)))
            }
            return told
        }
    }

    /// The fingerprint of a request, as the store gets it.
    private func prints(
        _ request: String, body: String = "", settings: (inout IdempotencySettings) -> Void = { _ in },
        identity: Identity? = nil
    ) throws -> (key: [UInt8], fingerprint: [UInt8]) {
        try withState(request) { state in
            state.path = state.head.pathBytes
            state.identity = identity
            let filter = filter(settings)
            _ = filter.decide(&state, owner: 1, isShared: false, now: .zero)
            let decision = Array(body.utf8).withView {
                filter.decide(&state, owner: 1, isShared: false, now: .zero, with: .body($0))
            }
            guard case .ask(.store(let question), _) = decision.verdict,
                case .begin(let key, let fingerprint, _, _) = question.operation
            else { return ([], []) }
            return (key.array(), fingerprint.array())
        }
    }

    private static var none: ByteView { .empty }

    @Test func `requests to which keys mean nothing pass`() throws {
        for request in [
            "GET /o HTTP/1.1\nHost: a\nIdempotency-Key: k", "POST /o HTTP/1.1\nHost: a",
            "PUT /o HTTP/1.1\nHost: a\nIdempotency-Key: k", "FOO /o HTTP/1.1\nHost: a\nIdempotency-Key: k",
            "POST /o HTTP/1.1\nHost: a\nIdempotency-Key: k\nContent-Type: application/grpc+proto",
            "POST /o HTTP/1.1\nHost: a\nIdempotency-Key: k\nConnection: upgrade\nUpgrade: websocket",
        ] {
            #expect(try story(filter(), of: request) == ["next"], "\(request)")
        }
        #expect(
            try story(filter { $0.methods = [.put] }, of: "PUT /o HTTP/1.1\nHost: a\nIdempotency-Key: k")
                == ["body 65536"])
    }

    @Test func `a key that is missing where it is needed, or malformed anywhere, is 400`() throws {
        #expect(try story(filter { $0.required = true }, of: "POST /o HTTP/1.1\nHost: a") == ["400 missing"])
        #expect(try story(filter { $0.required = true }, of: "GET /o HTTP/1.1\nHost: a") == ["next"])
        #expect(
            try story(filter(), of: "POST /o HTTP/1.1\nHost: a\nIdempotency-Key: a b") == ["400 malformed"])
    }

    @Test func `the first goes on, and the others get what the store says`() throws {
        let print = try prints("POST /o HTTP/1.1\nHost: a\nIdempotency-Key: k").fingerprint
        // The path of `story` is not normalised: its fingerprint is another.
        let own = try withState("POST /o HTTP/1.1\nHost: a\nIdempotency-Key: k") { state in
            _ = filter().decide(&state, owner: 1, isShared: false, now: .zero)
            _ = filter().decide(&state, owner: 1, isShared: false, now: .zero, with: .body(Self.none))
            return state.idempotency?.fingerprint.view.array() ?? []
        }
        #expect(own != print)
        let rows: [(StoreAnswer, String)] = [
            (.started, "next begun"), (.done(fingerprint: own, answer: [1, 2]), "replay 2 replayed"),
            (.done(fingerprint: own, answer: []), "409 notKept"),
            (.done(fingerprint: print, answer: [1]), "422 reused"),
            (.inProgress(fingerprint: print), "422 reused"),
            (.inProgress(fingerprint: own), "turn 1.0 seconds waiting"), (.full, "503 unavailable"),
            (.unavailable, "begin here"),
        ]
        for (said, expected) in rows {
            #expect(
                try story(filter(), .body(Self.none), .store(said)) == ["body 65536", "begin", expected],
                "\(said)")
        }
        #expect(
            try story(filter(), .bodyTooLarge) == ["body 65536", "413 tooLarge"])
    }

    @Test func `without the shared store the memory of the gateway decides, or nobody`() throws {
        #expect(
            try story(filter(), .body(Self.none), .expired, .store(.started))
                == ["body 65536", "begin", "begin here", "next begun"])
        #expect(
            try story(filter(), .body(Self.none), .store(.unavailable), .store(.unavailable))
                == ["body 65536", "begin", "begin here", "503 unavailable"])
        #expect(
            try story(filter { $0.onStoreError = .refuse }, .body(Self.none), .expired)
                == ["body 65536", "begin", "503 unavailable"])
    }

    @Test func `who waits asks again when a key is settled or time is up, until its patience ends`() throws {
        let busy = Answer.store(.inProgress(fingerprint: try ownPrint()))
        #expect(
            try story(
                filter(), at: [0, 0, 400, 400, 1400, 1400, 9500, 9500, 10_000, 10_000],
                .body(Self.none), busy, .turn, busy, .expired, busy, .expired, busy, .expired, busy)
                == [
                    "body 65536", "begin", "turn 1.0 seconds waiting", "begin", "turn 1.0 seconds", "begin",
                    "turn 1.0 seconds", "begin", "turn 0.5 seconds", "begin", "409 busy",
                ])
        #expect(
            try story(
                filter(), isShared: true, at: [0, 0, 50, 50, 150, 150, 350, 350],
                .body(Self.none), busy, .expired, busy, .expired, busy, .expired, busy)
                == [
                    "body 65536", "begin", "turn 0.05 seconds waiting", "begin", "turn 0.1 seconds", "begin",
                    "turn 0.2 seconds", "begin", "turn 0.25 seconds",
                ])
        #expect(
            try story(filter { $0.wait = .zero }, .body(Self.none), busy)
                == ["body 65536", "begin", "409 busy"])
        #expect(
            try story(filter(), .body(Self.none), busy, .crowded)
                == ["body 65536", "begin", "turn 1.0 seconds waiting", "409 busy"])
        #expect(
            try story(filter(), .body(Self.none), busy, .turn, .store(.started))
                == ["body 65536", "begin", "turn 1.0 seconds waiting", "begin", "next begun"])
    }

    private func ownPrint() throws -> [UInt8] {
        try withState("POST /o HTTP/1.1\nHost: a\nIdempotency-Key: k") { state in
            _ = filter().decide(&state, owner: 1, isShared: false, now: .zero)
            _ = filter().decide(&state, owner: 1, isShared: false, now: .zero, with: .body(Self.none))
            return state.idempotency?.fingerprint.view.array() ?? []
        }
    }

    @Test func `method, host, path, query, body and an unknown credential make the fingerprint`() throws {
        let first = "POST /o?a=1 HTTP/1.1\nHost: a\nIdempotency-Key: k"
        let same = try prints(first, body: "x")
        #expect(same.key.count == 32)
        #expect(same.fingerprint.count == 32)
        #expect(try prints(first + "\nX-Other: y\nUser-Agent: z", body: "x") == same)
        #expect(try prints("POST /o?a=1 HTTP/1.1\nHost: a\nIdempotency-Key: \"k\"", body: "x") == same)
        for (request, body) in [
            (first, "y"), (first, ""), ("PATCH /o?a=1 HTTP/1.1\nHost: a\nIdempotency-Key: k", "x"),
            ("POST /p?a=1 HTTP/1.1\nHost: a\nIdempotency-Key: k", "x"),
            ("POST /o?a=2 HTTP/1.1\nHost: a\nIdempotency-Key: k", "x"),
            ("POST /o HTTP/1.1\nHost: a\nIdempotency-Key: k", "x"),
            ("POST /o?a=1 HTTP/1.1\nHost: b\nIdempotency-Key: k", "x"),
            ("POST /o? HTTP/1.1\nHost: a\nIdempotency-Key: k", "x"),
            ("POST /o?a=1 HTTP/1.1\nHost: a\nIdempotency-Key: k\nAuthorization: Bearer b", "x"),
        ] {
            let other = try prints(request, body: body)
            #expect(other.key == same.key, "\(request)")
            #expect(other.fingerprint != same.fingerprint, "\(request)")
        }
    }

    @Test func `nobody shares a key with another user, address, issuer or route`() throws {
        func user(_ subject: String, _ issuer: String) -> Identity {
            Identity(.token, subject: subject, issuer: PinnedText(issuer))
        }
        let request = "POST /o HTTP/1.1\nHost: a\nIdempotency-Key: k"
        let keys = [
            try prints(request).key, try prints(request, identity: user("ann", "x")).key,
            try prints(request, identity: user("ben", "x")).key,
            try prints(request, identity: user("ann", "y")).key,
            try prints(request, identity: user("nn", "xa")).key,
            try prints("POST /o HTTP/1.1\nHost: a\nIdempotency-Key: l").key,
        ]
        #expect(Set(keys).count == keys.count)
        #expect(try prints(request, identity: user("", "x")).key == keys[0])
        let byAddress: (inout IdempotencySettings) -> Void = { $0.holder = .ip }
        #expect(try prints(request, settings: byAddress, identity: user("ann", "x")).key == keys[0])
        let elsewhere = try ["192.0.2.1", "fe80::1", "fe80::2", "ffff:ffff::1"].map { address in
            try withState(request, peer: IPAddress(literal: address)) { state in
                _ = filter().decide(&state, owner: 1, isShared: false, now: .zero)
                return state.idempotency?.key.view.array()
            }
        }
        #expect(Set(elsewhere + [keys[0]]).count == 5)
        let onAnother = try withState(request) { state in
            let filter = IdempotencyFilter(IdempotencySettings(), route: "other")
            _ = filter.decide(&state, owner: 1, isShared: false, now: .zero)
            return state.idempotency?.key.view.array()
        }
        #expect(onAnother != keys[0])
    }
}
