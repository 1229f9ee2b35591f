import Bytes
import JWT
import TestIssuer
import Testing
import Time

/// Which entries revoke which tokens.
@Suite struct RevocationTests {
    private let token = IssuerSecret.standard.token(#"{"iss":"a","sub":"u","jti":"t","iat":1000}"#)

    private func keys(_ claims: String, token: String = "a.b.c") throws -> RevocationKeys {
        let claims = try Claims(payload: bytes(claims))
        return bytes(token).withView { RevocationKeys(token: $0, claims: claims) }
    }

    private func isRevoked(_ keys: RevocationKeys, _ table: [(RevocationKey?, [UInt8])]) -> Bool {
        let entries = table.compactMap { key, value in key.map { ($0.bytes, PinnedValue(value)) } }
        return keys.isRevoked { wanted in
            entries.first { entry in entry.0.withView { $0.equals(wanted) } }?.1.view
        }
    }

    @Test func `keys are of one length and tell nothing of what they are made of`() throws {
        let keys = try keys(#"{"iss":"a","sub":"\#(String(repeating: "s", count: 9000))","jti":"t"}"#)
        for key in [keys.token, keys.tokenID, keys.subject] {
            #expect(key?.bytes.count == RevocationKey.length && key?.text.count == 2 * RevocationKey.length)
        }
        #expect(Set([keys.token, keys.tokenID, keys.subject]).count == 3)
        #expect(keys.tokenID == .tokenID(bytes("t"), issuer: bytes("a")))
    }

    @Test func `a name is its issuer's, and pieces do not run into each other`() {
        let subject = RevocationKey.subject(bytes("bc"), issuer: bytes("a"))
        #expect(subject != .subject(bytes("c"), issuer: bytes("ab")))
        #expect(subject != .subject(bytes("bc"), issuer: bytes("b")))
        #expect(subject != .tokenID(bytes("bc"), issuer: bytes("a")))
        #expect(subject == .subject(bytes("bc"), issuer: bytes("a")))
    }

    @Test func `a token's hash is that of header and payload`() {
        // SHA-256 of "abc.def" by sha256sum.
        let key = bytes("abc.def.ghi").withView { RevocationKey.token($0) }
        #expect(key?.text == "74ebb3127bf5c7c4b4e42b51710f4946c1c1d05b331d2379dd15e3a5431ed93416")
        #expect(key == bytes("abc.def.other").withView { RevocationKey.token($0) })
        #expect(key != bytes("abc.deg.ghi").withView { RevocationKey.token($0) })
        for text in ["", "abc", "abc.def"] {
            #expect(bytes(text).withView { RevocationKey.token($0) } == nil)
        }
    }

    @Test func `a token is revoked by its jti, its hash, and its subject's time`() throws {
        let keys = try keys(#"{"iss":"a","sub":"u","jti":"t","iat":1000}"#)
        #expect(!isRevoked(keys, []))
        #expect(isRevoked(keys, [(keys.tokenID, RevocationEntry.present)]))
        #expect(isRevoked(keys, [(keys.token, RevocationEntry.present)]))
        #expect(isRevoked(keys, [(keys.subject, RevocationEntry.issuedBefore(time(1001)))]))
        #expect(!isRevoked(keys, [(keys.subject, RevocationEntry.issuedBefore(time(1000)))]))
        #expect(isRevoked(keys, [(keys.subject, RevocationEntry.issuedBefore(time(1000.0001)))]))
        #expect(!isRevoked(keys, [(keys.subject, RevocationEntry.issuedBefore(time(999)))]))
        let other = RevocationKey.tokenID(bytes("x"), issuer: bytes("a"))
        #expect(!isRevoked(keys, [(other, RevocationEntry.present)]))
    }

    @Test func `what cannot be read or compared revokes`() throws {
        let keys = try keys(#"{"sub":"u","iat":1000}"#)
        for value in ["", "x", "-1", "1.5", "99999999999999999999", " 1"] {
            #expect(isRevoked(keys, [(keys.subject, bytes(value))]))
        }
        let timeless = try self.keys(#"{"sub":"u"}"#)
        #expect(isRevoked(timeless, [(timeless.subject, RevocationEntry.issuedBefore(time(0)))]))
        #expect(timeless.tokenID == nil)
    }

    @Test func `a time is whole milliseconds, rounded up`() {
        #expect(RevocationEntry.issuedBefore(time(0)) == bytes("0"))
        #expect(RevocationEntry.issuedBefore(WallTime(nanoseconds: 1_000_000)) == bytes("1"))
        #expect(RevocationEntry.issuedBefore(WallTime(nanoseconds: 1_000_001)) == bytes("2"))
        #expect(RevocationEntry.issuedBefore(WallTime(nanoseconds: -5)) == bytes("0"))
    }
}

/// Bytes that stay where they are while a test looks at them.
private final class PinnedValue {
    private let region: UnsafeMutableBufferPointer<UInt8>

    init(_ bytes: [UInt8]) {
        region = .allocate(capacity: max(1, bytes.count))
        for (index, byte) in bytes.enumerated() { region[index] = byte }
        count = bytes.count
    }

    private let count: Int

    deinit { region.deallocate() }

    var view: ByteView { ByteView(start: UnsafeRawPointer(region.baseAddress!), count: count) }
}
