import Bytes
import Pipeline
import Testing
import Time

@Suite struct APIKeyRecordTests {
    @Test func `a record comes back from its JSON`() throws {
        let full = try record(of: APIKeyTests.text) { record in
            record.plan = "pro"
            record.scopes = ["read", "write:all"]
            record.roles = ["ci"]
            record.expires = WallTime(timestamp: "2027-01-31T12:00:00Z")
            record.revoked = WallTime(timestamp: "2026-12-01")
            record.note = "it's \"theirs\" – really"
        }
        for record in [full, try record(of: APIKeyTests.text)] {
            let text = Array(record.json.text.utf8)
            #expect(try text.withView { try APIKeyRecord($0) } == record)
            #expect(record.problem == nil)
        }
    }

    @Test func `a file comes back, and finds its keys`() throws {
        let records = try (0..<50).map { try record(of: APIKeyTests.made($0)) }
        let set = try APIKeySet(file: Array(APIKeySet(records).fileText.utf8))
        #expect(set.records == records)
        for record in records { #expect(set[record.id] == record) }
        #expect(set[try #require(APIKeyID("0000000000"))] == nil)
        #expect(try APIKeySet(file: Array("{\"keys\": []}".utf8)).records.isEmpty)
        #expect(try APIKeySet(file: Array(APIKeySet().fileText.utf8)).records.isEmpty)
    }

    private static let id = "\"id\": \"0123456789\""
    private static let digest = "\"sha256\": \"\(String(repeating: "ab", count: 32))\""
    private static let start = "\(id), \(digest), \"owner\": \"acme\""

    @Test(arguments: [
        ("", "no JSON"), ("[]", "a file of keys is"), ("{}", "a file of keys is"),
        ("{\"keys\": {}}", "a file of keys is"), ("{\"keys\": [], \"more\": 1}", "a file of keys is"),
        ("{\"keys\": [7]}", "keys[0]: a key is an object"),
        ("{\"keys\": [{\(digest), \"owner\": \"a\"}]}", "keys[0]: id is missing"),
        ("{\"keys\": [{\(id), \"owner\": \"a\"}]}", "keys[0]: sha256 is missing"),
        ("{\"keys\": [{\(id), \(digest)}]}", "keys[0]: owner is missing"),
        ("{\"keys\": [{\"id\": \"short\"}]}", "keys[0]: id: ten letters and digits"),
        ("{\"keys\": [{\(id), \"sha256\": \"ab\"}]}", "keys[0]: sha256: 64 hexadecimal digits"),
        ("{\"keys\": [{\(id), \(id)}]}", "keys[0]: id stands twice"),
        ("{\"keys\": [{\(start), \"expres\": \"2027-01-31\"}]}", "keys[0]: expres is no member of a key"),
        ("{\"keys\": [{\(start), \"expires\": \"soon\"}]}", "keys[0]: expires: a time such as"),
        ("{\"keys\": [{\(start), \"expires\": 7}]}", "keys[0]: expires: a text is expected"),
        ("{\"keys\": [{\(start), \"scopes\": \"read\"}]}", "keys[0]: scopes: a list of texts"),
        ("{\"keys\": [{\(start), \"scopes\": [\"a b\"]}]}", "keys[0]: scopes: up to 64"),
        ("{\"keys\": [{\(start), \"plan\": \"\"}]}", "keys[0]: plan:"),
        ("{\"keys\": [{\(id), \(digest), \"owner\": \"a\\r\\nX: y\"}]}", "keys[0]: owner:"),
        ("{\"keys\": [{\(id), \(digest), \"owner\": \"\"}]}", "keys[0]: owner:"),
        ("{\"keys\": [{\(start)}, {\(start)}]}", "keys[1]: 0123456789 stands twice"),
    ])
    func `a file that holds no keys says why`(_ text: String, _ reason: String) {
        do throws(APIKeySet.Fault) {
            _ = try APIKeySet(file: Array(text.utf8))
            Issue.record("it was read")
        } catch {
            #expect(error.reason.hasPrefix(reason), "\(error)")
        }
    }

    @Test func `a fault names its line`() {
        let text = "{\n  \"keys\": [\n    {\(Self.start)},\n    {\"id\": 7}\n  ]\n}\n"
        do throws(APIKeySet.Fault) {
            _ = try APIKeySet(file: Array(text.utf8))
            Issue.record("it was read")
        } catch {
            #expect(error.description == "line 4: keys[1]: id: a text is expected")
        }
    }

    @Test func `a key counts until it ends or is revoked`() throws {
        let later = WallTime(nanoseconds: 5_000_000_000)
        let before = WallTime(nanoseconds: 4_999_999_999)
        let expiring = try record(of: APIKeyTests.text) { $0.expires = later }
        #expect(expiring.state(at: before) == .valid)
        #expect(expiring.state(at: later) == .expired)
        let revoked = try record(of: APIKeyTests.text) { $0.revoked = later }
        #expect(revoked.state(at: before) == .valid)
        #expect(revoked.state(at: later) == .revoked)
    }
}
