import Bytes
import JWT
import Pipeline
import Settings
import Testing
import Time

/// A table that a test fills.
private final class KeyTable: APIKeyTable {
    var version: UInt64 = 0
    var records: [APIKeyID: APIKeyRecord] = [:]
    private(set) var looks = 0

    func record(of id: APIKeyID, now: WallTime) -> APIKeyRecord? {
        looks += 1
        return records[id]
    }

    func put(_ record: APIKeyRecord) {
        records[record.id] = record
        version += 1
    }
}

private struct NoRevocations: RevocationTable {
    var isEmpty: Bool { true }
    var version: UInt64 { 0 }
    func revokes(_ keys: RevocationKeys, issuedAt: WallTime?, now: WallTime) -> Bool { false }
}

/// A worker's part of it: one authenticator, one route.
private final class Door {
    let table = KeyTable()
    var authenticator: Authenticator
    let filter: AuthenticationFilter
    var now = WallTime(nanoseconds: 10_000_000_000)

    init(
        required: Bool = true, accepted: AcceptedCredentials = .apiKey, scopes: [String] = [],
        roles: [String] = [], claims: [(String, String)] = [], cache: Int = 4096, tokens: Bool = false,
        _ change: (inout APIKeySettings) -> Void = { _ in }
    ) {
        var settings = IdentitySettings()
        var keys = APIKeySettings()
        change(&keys)
        settings.apiKeys = keys
        settings.cache = cache
        settings.defaultPlan = "free"
        if tokens {
            var source = TokenSettings()
            source.name = "users"
            source.secret = "a secret of more than thirty-two bytes"
            settings.tokens = [source]
        }
        let plan = IdentityPlan(settings)
        authenticator = Authenticator(plan, seed: (1, 2))
        filter = AuthenticationFilter(
            isRequired: required, accepted: accepted, plan: plan, sources: tokens ? 1 : 0, scopes: scopes,
            roles: roles, claims: claims)
    }

    struct Result {
        var status: Int?
        var error: String?
        var challenges: String?
        var identity: Identity?
        var hidesAuthorization = false

        var lines: String? { identity.map { String(decoding: $0.fieldLines, as: UTF8.self) } }
    }

    /// What becomes of a request with these field lines.
    func ask(_ fields: String...) throws -> Result {
        try withState((["GET / HTTP/1.1", "Host: a.test"] + fields).joined(separator: "\n")) { state in
            let decision = filter.decide(
                &state, &authenticator, revocations: NoRevocations(), keys: table, now: now)
            var result = Result(identity: state.identity, hidesAuthorization: state.hidesAuthorization)
            guard case .respond(let response) = decision.verdict else { return result }
            result.status = response.status
            result.error = response.error.map { "\($0)" }
            result.challenges = response.fields?.view.text()
            return result
        }
    }
}

@Suite struct APIKeyFilterTests {
    static let key = APIKeyTests.text

    @Test(arguments: [
        "X-Api-Key: \(key)", "x-api-key: \(key)", "Authorization: ApiKey \(key)",
        "authorization: APIKEY  \(key)", "Authorization: Bearer \(key)",
    ])
    func `a key tells who asks, wherever it stands`(_ field: String) throws {
        let door = Door()
        door.table.put(try record(of: Self.key) { $0.plan = "pro" })
        for _ in 0..<2 {
            let result = try door.ask(field)
            #expect(result.status == nil)
            #expect(result.lines == "X-User-Id: acme\r\nX-User-Plan: pro\r\n")
            #expect(result.identity?.subject.view.text() == "acme")
        }
        #expect(door.table.looks == 1, "the second time it is remembered")
    }

    @Test func `what backends are told is the settings' choice`() throws {
        let door = Door { keys in
            keys.fields = [
                HeaderField("X-Owner", "owner"), HeaderField("X-Key", "id"), HeaderField("X-S", "scopes"),
                HeaderField("X-R", "roles"),
            ]
        }
        let record = try record(of: Self.key) { $0.scopes = ["a", "b"] }
        door.table.put(record)
        let lines = "X-Owner: acme\r\nX-Key: \(record.id.text)\r\nX-S: a b\r\nX-User-Plan: free\r\n"
        #expect(try door.ask("X-Api-Key: \(Self.key)").lines == lines)
    }

    @Test func `without a key nobody is known`() throws {
        let result = try Door().ask()
        #expect(result.status == 401)
        #expect(result.error == "Missing API key")
        #expect(result.challenges == "WWW-Authenticate: ApiKey realm=\"api\"\r\n")
        #expect(try Door(required: false).ask().status == nil)
        let both = try Door(accepted: [.token, .apiKey], tokens: true).ask()
        #expect(both.error == "Missing token")
        #expect(
            both.challenges
                == "WWW-Authenticate: Bearer realm=\"api\"\r\nWWW-Authenticate: ApiKey realm=\"api\"\r\n")
    }

    @Test func `a key that is not good is refused, where none is needed too`() throws {
        for required in [true, false] {
            let door = Door(required: required)
            door.table.put(try record(of: Self.key))
            let other = APIKeyTests.made(8)
            // The id of one key with the secret of another: its checksum is right.
            for shown in [other, String(Self.key.dropLast()), "fgk_", "secret", ""] {
                let result = try door.ask("X-Api-Key: \(shown)")
                #expect(result.status == 401, "\(shown)")
                #expect(result.error == "Authentication failed")
                #expect(result.identity == nil)
            }
            let twice = try door.ask("X-Api-Key: \(Self.key)", "X-Api-Key: \(other)")
            #expect(twice.error == "Authentication failed")
        }
    }

    @Test func `the secret counts, not the id`() throws {
        let door = Door()
        var record = try record(of: Self.key)
        let other = try #require(APIKeyTests.key(APIKeyTests.made(9)))
        record.digest = other.digest
        door.table.put(record)
        #expect(try door.ask("X-Api-Key: \(Self.key)").error == "Authentication failed")
    }

    @Test func `a key ends on the nanosecond, remembered or not`() throws {
        let end = WallTime(nanoseconds: 20_000_000_000)
        let door = Door()
        door.table.put(try record(of: Self.key) { $0.expires = end })
        door.now = WallTime(nanoseconds: end.nanoseconds - 1)
        #expect(try door.ask("X-Api-Key: \(Self.key)").status == nil)
        door.now = end
        #expect(try door.ask("X-Api-Key: \(Self.key)").error == "Authentication failed")
        #expect(door.table.looks == 1)
    }

    @Test func `a change of the table holds for the next request`() throws {
        let door = Door()
        door.table.put(try record(of: Self.key))
        #expect(try door.ask("X-Api-Key: \(Self.key)").status == nil)
        door.table.put(try record(of: Self.key) { $0.revoked = WallTime(nanoseconds: 1) })
        #expect(try door.ask("X-Api-Key: \(Self.key)").error == "Authentication failed")
        door.table.put(try record(of: Self.key) { $0.owner = "globex" })
        #expect(try door.ask("X-Api-Key: \(Self.key)").lines?.hasPrefix("X-User-Id: globex\r\n") == true)
        door.table.records = [:]
        door.table.version += 1
        #expect(try door.ask("X-Api-Key: \(Self.key)").error == "Authentication failed")
    }

    @Test func `two keys of one owner count at once`() throws {
        let door = Door()
        let next = APIKeyTests.made(8)
        for text in [Self.key, next] { door.table.put(try record(of: text)) }
        for text in [Self.key, next] { #expect(try door.ask("X-Api-Key: \(text)").status == nil) }
    }

    @Test func `scopes, roles and claims of the route hold`() throws {
        func status(_ door: Door, _ change: (inout APIKeyRecord) -> Void) throws -> Int? {
            door.table.put(try record(of: Self.key, change))
            return try door.ask("X-Api-Key: \(Self.key)").status
        }
        let scoped = Door(scopes: ["read", "write"])
        #expect(try status(scoped) { $0.scopes = ["read"] } == 403)
        #expect(try status(scoped) { $0.scopes = ["write", "read"] } == nil)
        let ruled = Door(roles: ["admin", "ci"])
        #expect(try status(ruled) { _ in } == 403)
        #expect(try status(ruled) { $0.roles = ["ci"] } == nil)
        #expect(try status(Door(claims: [("verified", "true")])) { _ in } == 403)
    }

    @Test func `with a key and a token the key decides, and the token stays here`() throws {
        let door = Door(accepted: [.token, .apiKey], tokens: true)
        door.table.put(try record(of: Self.key))
        let result = try door.ask("X-Api-Key: \(Self.key)", "Authorization: Bearer for.ged.token")
        #expect(result.status == nil)
        #expect(result.hidesAuthorization)
        #expect(result.identity?.subject.view.text() == "acme")
        let basic = try door.ask("X-Api-Key: \(Self.key)", "Authorization: Basic dTpw")
        #expect(!basic.hidesAuthorization)
        let bad = try door.ask("X-Api-Key: fgk_", "Authorization: Bearer for.ged.token")
        #expect(bad.error == "Authentication failed")
    }

    @Test func `a route that takes tokens alone does not look at keys`() throws {
        let door = Door(accepted: .token, tokens: true)
        door.table.put(try record(of: Self.key))
        #expect(try door.ask("X-Api-Key: \(Self.key)").error == "Missing token")
        #expect(try door.ask("Authorization: Bearer \(Self.key)").error == "Invalid token")
        #expect(door.table.looks == 0)
    }

    @Test(arguments: [0, 1, 2, 7, 128])
    func `a worker remembers no more keys than it may, and knows all`(_ cache: Int) throws {
        let door = Door(cache: cache)
        let keys = (0..<40).map { APIKeyTests.made(UInt64($0)) }
        for key in keys { door.table.put(try record(of: key)) }
        for _ in 0..<3 {
            for key in keys { #expect(try door.ask("X-Api-Key: \(key)").status == nil) }
        }
        // What fits into one generation is looked up once.
        #expect(door.table.looks == (cache == 128 ? 40 : 120))
    }

    @Test func `keys of a file need no table`() throws {
        let door = Door { keys in
            keys.file = "keys.json"
            keys.material = APIKeySet((try? [record(of: Self.key)]) ?? [])
        }
        #expect(try door.ask("X-Api-Key: \(Self.key)").status == nil)
        #expect(try door.ask("X-Api-Key: \(APIKeyTests.made(8))").status == 401)
        #expect(door.table.looks == 0)
    }

    @Test func `keys stay here on every route, unless they are to be passed on`() {
        let value = Array("Bearer \(Self.key)".utf8)
        let token = Array("Bearer a.b.c".utf8)
        let name = Array("x-api-KEY".utf8)
        for forwards in [false, true] {
            var settings = IdentitySettings()
            var keys = APIKeySettings()
            keys.forwards = forwards
            settings.apiKeys = keys
            let stripped = IdentityPlan(settings).stripped
            #expect(value.withView { stripped.hides(authorization: $0) } == !forwards)
            #expect(name.withView { stripped.contains($0) } == !forwards)
            #expect(!token.withView { stripped.hides(authorization: $0) })
        }
    }
}
