import Bytes
import JWT
import Settings
import Telemetry
import TestIssuer
import Testing
import Time

@testable import Pipeline

/// Several sources, keys that come later, revocations, and what is remembered.
@Suite struct AuthenticatorTests {
    private static let good = IssuerSecret.ours.token(claims())

    // MARK: Sources

    /// Two of one issuer with one key, which want different claims.
    private static func twins() -> Gate {
        Gate(
            .ours("users") {
                $0.issuers = ["a"]
                $0.audiences = ["app"]
            },
            .ours("staff") {
                $0.issuers = ["a"]
                $0.audiences = ["desk"]
                $0.claims = [HeaderField("role", "staff")]
            })
    }

    @Test(
        arguments: [
            (#""iss":"a","aud":"app""#, "users", nil),
            (#""iss":"a","aud":"desk","role":"staff""#, "staff", nil),
            (#""iss":"a","aud":["app","desk"],"role":"staff""#, "users", nil),
            (#""iss":"a","aud":"desk""#, nil, "The token lacks something that is asked for here."),
            (#""iss":"a","aud":"other""#, nil, "The token was made for another service."),
            (#""iss":"b","aud":"app""#, nil, "The token comes from somebody who is not believed here."),
        ] as [(String, String?, String?)])
    func `where several sources have one issuer, each is tried, and the nearest miss is told`(
        more: String, source: String?, detail: String?
    ) throws {
        let gate = Self.twins()
        let answer = try gate.decide(bearer: IssuerSecret.ours.token(claims(more)))
        #expect(answer.identity?.issuer.view.text() == source)
        #expect(answer.detail == detail)
    }

    @Test func `an expired token has expired for all of its sources`() throws {
        let gate = Self.twins()
        let answer = try gate.decide(bearer: IssuerSecret.ours.token(#"{"exp":1,"iss":"a","aud":"other"}"#))
        #expect(answer.result == .expired)
    }

    @Test func `a route believes its own sources, whatever is remembered of a token`() throws {
        let gate = Self.twins()
        let users = gate.filter(sources: 0b01)
        let staff = gate.filter(sources: 0b10)
        let both = IssuerSecret.ours.token(claims(#""iss":"a","aud":["app","desk"],"role":"staff""#))
        let one = IssuerSecret.ours.token(claims(#""iss":"a","aud":"app""#))
        for _ in 0..<2 {
            #expect(try gate.decide(users, bearer: both).identity?.issuer.view.text() == "users")
            #expect(try gate.decide(staff, bearer: both).identity?.issuer.view.text() == "staff")
            #expect(try gate.decide(users, bearer: one).goesOn)
            #expect(try gate.decide(staff, bearer: one).status == 401)
        }
    }

    @Test func `a cookie counts where its source is believed`() throws {
        let gate = Gate(
            .ours("users") { $0.cookie = "u" }, .ours("staff") { $0.cookie = "s" })
        let staff = gate.filter(sources: 0b10)
        #expect(try gate.decide(staff, cookie: "u=\(Self.good)").result == .missing)
        #expect(try gate.decide(staff, cookie: "u=\(Self.good); s=\(Self.good)").goesOn)
    }

    @Test func `a request that began under older settings knows its sources by their names`() throws {
        let gate = Self.twins()
        let staff = gate.filter(sources: 0b10)
        let token = IssuerSecret.ours.token(claims(#""iss":"a","aud":"desk","role":"staff""#))
        // The same sources in the other order, and one more.
        gate.reload(
            .ours("new") { $0.issuers = ["a"] },
            .ours("staff") {
                $0.issuers = ["a"]
                $0.audiences = ["desk"]
            },
            .ours("users") { $0.issuers = ["a"] })
        let answer = try gate.decide(staff, bearer: token)
        #expect(answer.identity?.issuer.view.text() == "staff")
        #expect(
            try gate.decide(staff, bearer: IssuerSecret.ours.token(claims(#""iss":"a","aud":"x""#))).status
                == 401)
        // And where its source is gone, nobody is believed.
        gate.reload(.ours("new") { $0.issuers = ["a"] })
        #expect(try gate.decide(staff, bearer: token).status == 401)
        #expect(try gate.decide(staff).result == .missing)
    }

    // MARK: Keys that come from elsewhere

    @Test func `keys that were never reached are asked for once, then it is 503`() throws {
        let gate = Gate(.remote())
        let token = IssuerKey.ed25519().token(claims(), kid: "1")
        let first = try gate.decide(bearer: token)
        #expect(first.question == 0)
        #expect(first.result == .waiting)
        for answer in [Answer.keys, .expired] {
            let second = try gate.decide(bearer: token, with: answer)
            #expect(second.status == 503)
            #expect(second.error == "Authentication unavailable")
            #expect(second.retryAfter == 5)
            #expect(second.fields == nil)
            #expect(second.result == .unavailable)
        }
        // Not even where nobody has to be known: who they are may matter.
        let optional = gate.filter(required: false)
        #expect(try gate.decide(optional, bearer: token, with: .expired).status == 503)
        #expect(try gate.decide(optional).goesOn)
    }

    @Test func `keys that come in the meantime decide`() throws {
        let gate = Gate(.remote())
        let pair = IssuerKey.ed25519()
        let token = pair.token(claims(), kid: "1")
        #expect(try gate.decide(bearer: token).question == 0)
        gate.authenticator.install(pair.keys(kid: "1"), of: "users")
        #expect(try gate.decide(bearer: token, with: .keys).goesOn)
        #expect(try gate.decide(bearer: token).goesOn)
    }

    @Test func `a name that no key has is asked about once, then it is 401`() throws {
        let gate = Gate(.remote())
        let (old, new) = (IssuerKey.ed25519(), IssuerKey.ed25519())
        gate.authenticator.install(old.keys(kid: "1"), of: "users")
        let token = new.token(claims(), kid: "2")
        #expect(try gate.decide(bearer: token).question == 0)
        let refused = try gate.decide(bearer: token, with: .keys)
        #expect(refused.status == 401)
        #expect(refused.result == .unknownKey)
        gate.authenticator.install(new.keys(kid: "2"), of: "users")
        #expect(try gate.decide(bearer: token, with: .keys).goesOn)
        // What the old key has signed is refused from now on, remembered or not.
        #expect(try gate.decide(bearer: old.token(claims(), kid: "1"), with: .keys).status == 401)
        // A known name with another's signature asks nobody.
        #expect(try gate.decide(bearer: old.token(claims(), kid: "2")).result == .signature)
    }

    @Test func `a secret beside a URL does not hide that its keys are missing`() throws {
        let gate = Gate(.remote { $0.secret = IssuerSecret.ours.text })
        let pair = IssuerKey.ed25519()
        let token = pair.token(claims(), kid: "1")
        #expect(try gate.decide(bearer: Self.good).goesOn)
        #expect(try gate.decide(bearer: token).question == 0)
        #expect(try gate.decide(bearer: token, with: .expired).status == 503)
        // What only the secret could have signed is its business alone.
        #expect(try gate.decide(bearer: IssuerSecret.theirs.token(claims())).result == .signature)
        gate.authenticator.install(pair.keys(kid: "1"), of: "users")
        #expect(try gate.decide(bearer: token).goesOn)
        #expect(try gate.decide(bearer: Self.good).goesOn)
        #expect(try gate.decide(bearer: IssuerKey.ed25519().token(claims(), kid: "2")).question == 0)
    }

    @Test func `keys outlive a reload as long as their source does`() throws {
        let gate = Gate(.remote())
        let pair = IssuerKey.ed25519()
        gate.authenticator.install(pair.keys(kid: "1"), of: "users")
        let token = pair.token(claims(), kid: "1")
        gate.reload(.remote { $0.leeway = .zero }, .ours("others"))
        #expect(try gate.decide(bearer: token).goesOn)
        gate.reload(.ours("others"))
        gate.reload(.remote())
        #expect(try gate.decide(bearer: token).question == 0)
    }

    // MARK: Revocations

    @Test func `what is revoked is refused at the next request, remembered or not`() throws {
        let token = IssuerSecret.ours.token(claims(#""sub":"u1","jti":"j1","iss":"a","iat":1799999000"#))
        let issuer = Array("a".utf8)
        let before = RevocationEntry.issuedBefore(WallTime(nanoseconds: 1_799_999_001_000_000_000))
        let cases: [(RevocationKey?, [UInt8])] = [
            (.tokenID(Array("j1".utf8), issuer: issuer), RevocationEntry.present),
            (.subject(Array("u1".utf8), issuer: issuer), before),
            (Array(token.utf8).withView { RevocationKey.token($0) }, RevocationEntry.present),
        ]
        for (key, value) in cases {
            let key = try #require(key)
            let gate = Gate(.ours())
            #expect(try gate.decide(bearer: token).goesOn)
            gate.revoked.entries[key] = value
            for _ in 0..<2 {
                let answer = try gate.decide(bearer: token)
                #expect(answer.status == 401)
                #expect(answer.error == "Authentication failed")
                #expect(answer.result == .revoked)
                #expect(
                    answer.fields == "WWW-Authenticate: Bearer realm=\"api\", error=\"invalid_token\", "
                        + "error_description=\"The token has been revoked\"\r\n")
            }
            gate.revoked.entries[key] = nil
            #expect(try gate.decide(bearer: token).goesOn)
        }
    }

    @Test func `of a subject only what was issued before is revoked, and what does not say when`() throws {
        let gate = Gate(.ours())
        let issuer: [UInt8] = []
        gate.revoked.entries[.subject(Array("u1".utf8), issuer: issuer)] =
            RevocationEntry.issuedBefore(WallTime(nanoseconds: 1_799_999_500_000_000_000))
        for (more, status) in [
            (#""sub":"u1","iat":1799999499"#, 401), (#""sub":"u1","iat":1799999500"#, nil),
            (#""sub":"u1""#, 401), (#""sub":"u2""#, nil), (#""sub":"u1","iss":"b","iat":1"#, nil),
        ] as [(String, Int?)] {
            #expect(try gate.decide(bearer: IssuerSecret.ours.token(claims(more))).status == status)
        }
    }

    @Test func `revocations are looked up again only when they have changed`() throws {
        let gate = Gate(.ours())
        for _ in 0..<5 { #expect(try gate.decide(bearer: Self.good).goesOn) }
        #expect(gate.revoked.looks == 1)
        gate.revoked.version += 1
        for _ in 0..<5 { #expect(try gate.decide(bearer: Self.good).goesOn) }
        #expect(gate.revoked.looks == 2)
    }

    // MARK: What is remembered

    @Test(arguments: [0, 1, 4096])
    func `a token is judged alike with and without a memory`(size: Int) throws {
        let gate = Gate(.ours()) { $0.cache = size }
        for _ in 0..<3 {
            #expect(try gate.decide(bearer: Self.good).user == "u1")
            #expect(try gate.decide(bearer: IssuerSecret.theirs.token(claims())).status == 401)
        }
        #expect(gate.revoked.looks == (size == 0 ? 3 : 1))
    }

    @Test func `a remembered token ends when it ends`() throws {
        let gate = Gate(.ours { $0.leeway = .seconds(10) })
        #expect(try gate.decide(bearer: Self.good).goesOn)
        gate.now = WallTime(nanoseconds: Int64(Gate.expiry + 9) * 1_000_000_000)
        #expect(try gate.decide(bearer: Self.good).goesOn)
        gate.now = WallTime(nanoseconds: Int64(Gate.expiry + 10) * 1_000_000_000)
        #expect(try gate.decide(bearer: Self.good).result == .expired)
    }

    @Test func `new settings judge remembered tokens anew`() throws {
        let gate = Gate(.ours())
        #expect(try gate.decide(bearer: Self.good).goesOn)
        gate.reload(.ours { $0.audiences = ["app"] })
        #expect(try gate.decide(bearer: Self.good).status == 401)
        gate.reload(.ours { $0.fields = [HeaderField("X-Who", "sub")] })
        #expect(try gate.decide(bearer: Self.good).lines == "X-Who: u1\r\n")
        gate.reload(.ours { $0.secret = IssuerSecret.theirs.text })
        #expect(try gate.decide(bearer: Self.good).result == .signature)
        #expect(try gate.decide(bearer: IssuerSecret.theirs.token(claims())).goesOn)
        gate.reload(.ours()) { $0.cache = 8 }
        #expect(try gate.decide(bearer: Self.good).goesOn)
    }

    @Test func `thousands of tokens take no more memory than they may`() throws {
        let gate = Gate(.ours()) { $0.cache = 16 }
        for number in 0..<200 {
            let token = IssuerSecret.ours.token(claims(#""sub":"u\#(number)""#))
            #expect(try gate.decide(bearer: token).user == "u\(number)")
        }
        #expect(gate.revoked.looks == 200)
        #expect(try gate.decide(bearer: IssuerSecret.ours.token(claims(#""sub":"u199""#))).user == "u199")
    }
}
