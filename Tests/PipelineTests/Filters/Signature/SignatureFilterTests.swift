import Bytes
import Foundation
import JWT
import Pipeline
import Settings
import Testing
import Time

/// A route whose requests are signed by `partner`.
private final class SignedDoor {
    static let secret = "the secret of a partner, long enough"
    static let oldSecret = "the secret that it had before, as long"
    static let now: Int64 = 1_795_958_614

    var authenticator: Authenticator
    let filter: SignatureFilter
    var now = WallTime(nanoseconds: SignedDoor.now * 1_000_000_000 + 999_999_999)

    init(_ change: (inout SignedSettings) -> Void = { _ in }) {
        var settings = IdentitySettings()
        for (name, secret) in [("partner", Self.secret), ("other", "a secret of somebody else, as long too")]
        {
            var key = SigningKeySettings()
            key.name = name
            key.secret = secret
            if name == "partner" { key.oldSecret = Self.oldSecret }
            settings.signingKeys.append(key)
        }
        let plan = IdentityPlan(settings)
        authenticator = Authenticator(plan, seed: (1, 2))
        var signed = SignedSettings()
        signed.keys = ["partner"]
        change(&signed)
        filter = SignatureFilter(signed, plan)
    }

    /// The field for a request.
    static func field(
        _ method: String = "POST", _ target: String = "/pay?to=ann", body: String = "100",
        time: Int64 = SignedDoor.now, nonce: String = "0123456789abcdef", key: String = "partner",
        secret: String = SignedDoor.secret
    ) -> String {
        let digest = Array(body.utf8).withView { SHA256Value(of: $0).text }
        let message = "floodgate-1\n\(method)\n\(target)\n\(digest)\n\(time)\n\(nonce)\n"
        let code = Base64URL.encode(TestHMAC.sha256(message, secret))
        return "keyId=\(key),ts=\(time),nonce=\(nonce),sig=\(code)"
    }

    enum Step: Equatable {
        case body(Int)
        case nonce(String, Duration, isLocal: Bool)
        case next
        case refused(Int, String)
    }

    /// What the filter decides for a request, step by step.
    func ask(
        _ fields: [String], request: String = "POST /pay?to=ann HTTP/1.1", body: String? = "100",
        store: [StoreAnswer?] = [.first]
    ) throws -> [Step] {
        let lines = [request, "Host: a.test"] + fields.map { "X-Signature: \($0)" }
        return try withState(lines.joined(separator: "\n")) { state in
            var steps: [Step] = []
            var answers = store
            func record(_ verdict: Verdict) {
                switch verdict {
                case .next: steps.append(.next)
                case .respond(let response):
                    steps.append(.refused(response.status, "\(response.error ?? "")"))
                case .ask(.body(let limit), _): steps.append(.body(limit))
                case .ask(.store(let question), _):
                    guard case .once(let key, let lasts) = question.operation else { return }
                    steps.append(.nonce(key.text(), lasts, isLocal: question.isLocal))
                case .ask, .replay: Issue.record("another question")
                }
            }
            record(filter.decide(&state, authenticator, now: now).verdict)
            guard case .body? = steps.last else { return steps }
            if let body {
                let bytes = Array(body.utf8)
                bytes.withView { view in
                    record(filter.decide(&state, authenticator, now: now, with: .body(view)).verdict)
                }
            } else {
                record(filter.decide(&state, authenticator, now: now, with: .bodyTooLarge).verdict)
            }
            while case .nonce? = steps.last, !answers.isEmpty {
                let answer = answers.removeFirst().map(Answer.store) ?? .expired
                record(filter.decide(&state, authenticator, now: now, with: answer).verdict)
            }
            return steps
        }
    }
}

/// HMAC by its definition (RFC 2104), beside the one that is tested.
enum TestHMAC {
    static func sha256(_ message: String, _ secret: String) -> [UInt8] {
        let key = Array(secret.utf8) + [UInt8](repeating: 0, count: 64 - secret.utf8.count)
        func digest(_ bytes: [UInt8]) -> [UInt8] {
            let text = bytes.withView { SHA256Value(of: $0).text }
            return stride(from: 0, to: 64, by: 2).map { index in
                UInt8(text.dropFirst(index).prefix(2), radix: 16)!
            }
        }
        return digest(key.map { $0 ^ 0x5C } + digest(key.map { $0 ^ 0x36 } + Array(message.utf8)))
    }
}

@Suite struct SignatureFilterTests {
    private static let refused = SignedDoor.Step.refused(401, "Authentication failed")
    private static let nonce = SignedDoor.Step.nonce(
        "signature:partner:0123456789abcdef", .seconds(301), isLocal: false)

    @Test func `a signed request goes on once its body and its nonce were seen`() throws {
        let door = SignedDoor()
        #expect(try door.ask([SignedDoor.field()]) == [.body(1 << 20), Self.nonce, .next])
        let old = SignedDoor.field(secret: SignedDoor.oldSecret)
        #expect(try door.ask([old]) == [.body(1 << 20), Self.nonce, .next])
    }

    @Test func `a request without a signature, or with two, is refused before its body is asked for`() throws
    {
        #expect(try SignedDoor().ask([]) == [.refused(401, "Missing signature")])
        #expect(try SignedDoor().ask([SignedDoor.field(), SignedDoor.field()]) == [Self.refused])
    }

    @Test(arguments: [
        "", "keyId=partner", "keyId=partner,ts=1,nonce=0123456789abcdef",
        "keyId=partner,ts=1795958614,nonce=short,sig=\(String(repeating: "A", count: 43))",
        "keyId=partner,ts=1795958614,nonce=0123456789abc;ef,sig=\(String(repeating: "A", count: 43))",
        "keyId=partner,ts=-1,nonce=0123456789abcdef,sig=\(String(repeating: "A", count: 43))",
        "keyId=partner,ts=179595861400,nonce=0123456789abcdef,sig=\(String(repeating: "A", count: 43))",
        "keyId=partner,ts=1795958614,nonce=0123456789abcdef,sig=\(String(repeating: "A", count: 44))",
        "keyId=partner,keyId=partner,ts=1795958614,nonce=0123456789abcdef,sig="
            + String(repeating: "A", count: 43),
        "keyId=partner,ts=1795958614,nonce=0123456789abcdef,sig=\(String(repeating: "A", count: 43)),x=y",
        "keyId=,ts=1795958614,nonce=0123456789abcdef,sig=\(String(repeating: "A", count: 43))",
        String(repeating: ",", count: 4000), String(repeating: "keyId=", count: 1000),
    ])
    func `what cannot be read is refused before the body is asked for`(_ field: String) throws {
        #expect(try SignedDoor().ask([field]) == [Self.refused])
    }

    @Test func `a key that the route does not know is refused before the body is asked for`() throws {
        let other = SignedDoor.field(key: "other", secret: "a secret of somebody else, as long too")
        #expect(try SignedDoor().ask([other]) == [Self.refused])
        #expect(try SignedDoor().ask([SignedDoor.field(key: "nobody")]) == [Self.refused])
        let open = SignedDoor { $0.keys = [] }
        #expect(try open.ask([other]).last == .next)
    }

    @Test(arguments: [(-300, true), (300, true), (-301, false), (301, false), (0, true)])
    func `a time counts within the window on both sides`(_ offset: Int64, _ isGood: Bool) throws {
        let steps = try SignedDoor().ask([SignedDoor.field(time: SignedDoor.now + offset)])
        guard isGood else { return #expect(steps == [Self.refused]) }
        // As long as the signature is in time, its nonce is known.
        let lasts = Duration.seconds(301 + offset)
        #expect(
            steps == [
                .body(1 << 20), .nonce("signature:partner:0123456789abcdef", lasts, isLocal: false), .next,
            ])
    }

    @Test func `whatever differs from what was signed is refused, and no nonce is remembered`() throws {
        let door = SignedDoor()
        let steps: [SignedDoor.Step] = [.body(1 << 20), Self.refused]
        let field = SignedDoor.field()
        #expect(try door.ask([field], request: "PUT /pay?to=ann HTTP/1.1") == steps)
        #expect(try door.ask([field], request: "POST /pay?to=bob HTTP/1.1") == steps)
        #expect(try door.ask([field], request: "POST /pay HTTP/1.1") == steps)
        #expect(try door.ask([field], request: "POST /pa%79?to=ann HTTP/1.1") == steps)
        #expect(try door.ask([field], body: "1000") == steps)
        #expect(try door.ask([field], body: "") == steps)
        #expect(try door.ask([SignedDoor.field(secret: "another secret, which nobody has given")]) == steps)
        for part in ["ts=1795958614", "nonce=0123456789abcdef"] {
            let changed = field.replacingOccurrences(of: part, with: part.dropLast() + "0")
            #expect(try door.ask([changed]) == steps, "\(changed)")
        }
        // A query that is empty is not none.
        let plain = SignedDoor.field("POST", "/pay")
        #expect(try door.ask([plain], request: "POST /pay? HTTP/1.1") == steps)
        #expect(try door.ask([plain], request: "POST /pay HTTP/1.1").last == .next)
    }

    @Test func `a code is read in its one form`() throws {
        let field = SignedDoor.field()
        let last = try #require(field.last)
        // The lowest two bits of the last character belong to no byte.
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
        let place = try #require(alphabet.firstIndex(of: last))
        let twin = String(field.dropLast()) + String(alphabet[place ^ 1])
        #expect(try SignedDoor().ask([twin]) == [.body(1 << 20), Self.refused])
    }

    @Test func `a body that is too long is told so`() throws {
        let door = SignedDoor { $0.maxBody = 10 }
        #expect(try door.ask([SignedDoor.field()], body: nil) == [.body(10), .refused(413, "")])
    }

    @Test func `a nonce that was seen is refused`() throws {
        #expect(
            try SignedDoor().ask([SignedDoor.field()], store: [.seen])
                == [.body(1 << 20), Self.nonce, Self.refused])
        #expect(
            try SignedDoor().ask([SignedDoor.field()], store: [.full])
                == [.body(1 << 20), Self.nonce, .refused(503, "Authentication unavailable")])
    }

    @Test(arguments: [StoreAnswer.unavailable, nil])
    func `while the store is away this gateway's memory is asked, or nobody gets through`(
        _ answer: StoreAnswer?
    ) throws {
        let local = SignedDoor.Step.nonce(
            "signature:partner:0123456789abcdef", .seconds(301), isLocal: true)
        #expect(
            try SignedDoor().ask([SignedDoor.field()], store: [answer, .first])
                == [.body(1 << 20), Self.nonce, local, .next])
        #expect(
            try SignedDoor().ask([SignedDoor.field()], store: [answer, .seen])
                == [.body(1 << 20), Self.nonce, local, Self.refused])
        let strict = SignedDoor { $0.onStoreError = .refuse }
        #expect(
            try strict.ask([SignedDoor.field()], store: [answer])
                == [.body(1 << 20), Self.nonce, .refused(503, "Authentication unavailable")])
    }

    @Test func `a body that took longer than the window is late`() throws {
        let door = SignedDoor()
        let late = SignedDoor.field(time: SignedDoor.now - 300)
        let steps = try withState("POST /pay?to=ann HTTP/1.1\nHost: a.test\nX-Signature: \(late)") { state in
            let first = door.filter.decide(&state, door.authenticator, now: door.now)
            guard case .ask(.body, _) = first.verdict else { return false }
            let after = WallTime(nanoseconds: door.now.nanoseconds + 1_000_000_000)
            let second = Array("100".utf8).withView {
                door.filter.decide(&state, door.authenticator, now: after, with: .body($0))
            }
            return second.result == .expired
        }
        #expect(steps)
    }
}
