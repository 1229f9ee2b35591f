import Bytes
import HTTPModel
import Pipeline
import Settings
import Stores
import Testing
import Time

@testable import Control

@Suite struct CredentialRoutesTests {
    private let source = TestCredentials()

    private func make(_ body: String = #"{"owner": "acme"}"#) throws -> (key: String, id: String) {
        let reply = try #require(source.ask(.post, "/keys", body))
        #expect(reply.status == 201, "\(reply.json.text)")
        return (
            try #require(reply.json["key"]?.textValue), try #require(reply.json["record"]?["id"]?.textValue)
        )
    }

    @Test func `a key is made, shown once, and known by its hash`() throws {
        let made = try make(
            #"{"owner": "acme", "plan": "pro", "scopes": ["a", "b"], "roles": ["ci"], "#
                + #""expires": "2027-01-01"}"#
        )
        let key = try #require(Array(made.key.utf8).withView { APIKey($0) })
        let record = try #require(source.apiKeys.record(of: key.id, now: TestCredentials.now))
        #expect(record.digest == key.digest)
        #expect(record.scopes == ["a", "b"])
        let list = try #require(source.ask(.get, "/keys"))
        #expect(list.json["keys"]?.elements?.count == 1)
        #expect(list.json["keys"]?.elements?[0]["plan"]?.textValue == "pro")
        for secret in [made.key, String(made.key.dropFirst(15).prefix(43)), key.digest.text] {
            #expect(!list.json.text.contains(secret))
        }
        // It ends with its time.
        let later = try #require(WallTime(timestamp: "2027-01-02"))
        #expect(source.ask(.get, "/keys", now: later)?.json["keys"]?.elements?.isEmpty == true)
    }

    @Test func `a key is revoked, and forgotten where that is asked for`() throws {
        let made = try make()
        #expect(source.ask(.post, "/keys/revoke", #"{"id": "\#(made.id)"}"#)?.status == 200)
        #expect(source.ask(.get, "/keys")?.json["keys"]?.elements?[0]["state"]?.textValue == "revoked")
        let body = #"{"id": "\#(made.id)", "remove": true}"#
        #expect(source.ask(.post, "/keys/revoke", body)?.status == 200)
        #expect(source.ask(.get, "/keys")?.json["keys"]?.elements?.isEmpty == true)
        #expect(source.ask(.post, "/keys/revoke", body)?.status == 404)
    }

    @Test func `a key that is replaced goes on for a while`() throws {
        let made = try make(#"{"owner": "acme", "plan": "pro", "scopes": ["a"]}"#)
        let reply = try #require(
            source.ask(.post, "/keys/rotate", #"{"id": "\#(made.id)", "grace": "1h"}"#))
        #expect(reply.status == 201)
        #expect(reply.json["record"]?["plan"]?.textValue == "pro")
        #expect(reply.json["record"]?["id"]?.textValue != made.id)
        let old = try #require(
            APIKeyID(made.id).flatMap { source.apiKeys.record(of: $0, now: TestCredentials.now) })
        #expect(old.expires?.timestamp == "2026-11-29T13:00:00Z")
        #expect(old.state(at: TestCredentials.now) == .valid)
        // At once.
        let second = try #require(reply.json["record"]?["id"]?.textValue)
        #expect(source.ask(.post, "/keys/rotate", #"{"id": "\#(second)", "grace": "0s"}"#)?.status == 201)
        #expect(source.ask(.post, "/keys/rotate", #"{"id": "\#(second)"}"#)?.status == 409)
    }

    @Test(arguments: [
        ("", 400), ("[]", 400), ("{}", 422), (#"{"owner": ""}"#, 422), (#"{"owner": 7}"#, 422),
        (#"{"owner": "a", "owner": "b"}"#, 400), (#"{"owner": "a", "plam": "pro"}"#, 422),
        (#"{"owner": "a", "expires": "2026-11-29"}"#, 422), (#"{"owner": "a", "expires": "90d"}"#, 422),
        (#"{"owner": "a", "scopes": "read"}"#, 422), (#"{"owner": "a", "scopes": ["a b"]}"#, 422),
        (#"{"owner": "a\r\nX: y"}"#, 422), (#"{"owner": "a", "scopes": [1]}"#, 422),
    ])
    func `an order that cannot be filled says why`(_ body: String, _ status: Int) throws {
        let reply = try #require(source.ask(.post, "/keys", body))
        #expect(reply.status == status, "\(reply.json.text)")
        #expect(reply.json["detail"]?.textValue?.isEmpty == false)
        #expect(source.apiKeys.count == 0)
    }

    @Test func `keys are bounded`() throws {
        for _ in 0..<8 { _ = try make() }
        #expect(source.ask(.post, "/keys", #"{"owner": "acme"}"#)?.status == 503)
    }

    @Test func `keys of a file, and those of nobody, are not made here`() throws {
        var source = TestCredentials()
        source.keyFile = "/nowhere/keys.json"
        #expect(source.ask(.post, "/keys", #"{"owner": "acme"}"#)?.status == 409)
        #expect(source.ask(.get, "/keys")?.json["keys"]?.elements?.isEmpty == true)
        source.keyFile = nil
        source.takesKeys = false
        #expect(source.ask(.post, "/keys", #"{"owner": "acme"}"#)?.status == 409)
    }

    @Test func `what changes something is done by POST`() {
        #expect(source.ask(.get, "/keys/revoke")?.status == 405)
        #expect(source.ask(.put, "/keys")?.status == 405)
        #expect(source.ask(.delete, "/revocations")?.status == 405)
        #expect(source.ask(.get, "/status") == nil)
    }

    // MARK: Revocations

    @Test(arguments: [
        (#"{"jti": "a", "issuer": "i", "until": "2027-01-01"}"#, "jti"),
        (#"{"subject": "a", "issuer": "", "until": "2027-01-01"}"#, "subject"),
        (#"{"token": "a.b.c", "until": "2027-01-01"}"#, "token"),
    ])
    func `tokens are revoked and restored`(_ body: String, _ kind: String) throws {
        let reply = try #require(source.ask(.post, "/revocations", body))
        #expect(reply.status == 201, "\(reply.json.text)")
        let key = try #require(reply.json["key"]?.textValue)
        let list = source.ask(.get, "/revocations")?.json["revocations"]?.elements ?? []
        #expect(list.map { $0["key"]?.textValue } == [key])
        #expect(list[0]["kind"]?.textValue == kind)
        #expect(list[0]["until"]?.textValue == "2027-01-01T00:00:00Z")
        #expect((list[0]["issued_before"] != nil) == (kind == "subject"))
        #expect(source.ask(.post, "/revocations/remove", #"{"key": "\#(key)"}"#)?.status == 200)
        #expect(source.revocations.count == 0)
        #expect(source.ask(.post, "/revocations/remove", #"{"key": "\#(key)"}"#)?.status == 404)
    }

    @Test func `what was revoked for longer stays so`() throws {
        for until in ["2027-06-01", "2027-01-01"] {
            let body = #"{"jti": "a", "issuer": "i", "until": "\#(until)"}"#
            #expect(source.ask(.post, "/revocations", body)?.status == 201)
        }
        let list = source.ask(.get, "/revocations")?.json["revocations"]?.elements ?? []
        #expect(list.map { $0["until"]?.textValue } == ["2027-06-01T00:00:00Z"])
    }

    @Test(arguments: [
        "", "{}", #"{"jti": "a", "until": "2027-01-01"}"#, #"{"jti": "a", "issuer": "i"}"#,
        #"{"jti": "a", "subject": "b", "issuer": "i", "until": "2027-01-01"}"#,
        #"{"token": "nonsense", "until": "2027-01-01"}"#,
        #"{"jti": "a", "issuer": "i", "until": "2026-01-01"}"#,
        #"{"jti": "a", "issuer": "i", "until": "2099-01-01"}"#,
        #"{"jti": "a", "issuer": "i", "until": "2027-01-01", "more": 1}"#,
    ])
    func `a revocation that would do nothing is refused`(_ body: String) throws {
        let reply = try #require(source.ask(.post, "/revocations", body))
        #expect([400, 422].contains(reply.status), "\(reply.json.text)")
        #expect(source.revocations.count == 0)
    }

    @Test func `revocations are bounded`() {
        for number in 0..<9 {
            let body = #"{"jti": "\#(number)", "issuer": "i", "until": "2027-01-01"}"#
            #expect(source.ask(.post, "/revocations", body)?.status == (number < 8 ? 201 : 503))
        }
    }
}
