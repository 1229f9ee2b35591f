import Bytes
import Time

/// What a token can be revoked by.
package enum RevocationKind: UInt8, CaseIterable, Sendable {
    /// Its `jti`.
    case tokenID = 0x6A
    /// All tokens of a subject that were issued before a time.
    case subject = 0x73
    /// What was signed.
    case token = 0x74
}

/// The key of an entry in the revocation table: one byte for the kind and 32 of SHA-256, so that keys are of
/// one length whatever tokens hold, and a look at the table tells nobody who is in it.
package struct RevocationKey: Hashable, Sendable {
    package let kind: RevocationKind
    package let bytes: [UInt8]

    /// Bytes of a key.
    package static let length = 33

    /// Names are the issuer's: the same one under another issuer is somebody else.
    package static func tokenID(_ id: [UInt8], issuer: [UInt8]) -> RevocationKey {
        RevocationKey(.tokenID, issuer, id)
    }

    package static func subject(_ subject: [UInt8], issuer: [UInt8]) -> RevocationKey {
        RevocationKey(.subject, issuer, subject)
    }

    /// Of header and payload alone. A signature may be written in two ways (ECDSA takes n − s for s), and a
    /// token with the other one would get around a list of whole tokens. Nil for what is no token.
    package static func token(_ token: ByteView) -> RevocationKey? {
        guard let first = token.firstIndex(of: UInt8(ascii: ".")),
            let second = token.firstIndex(of: UInt8(ascii: "."), from: first &+ 1)
        else { return nil }
        var digest = SHA256Digest()
        digest.add(token.prefix(second))
        return RevocationKey(.token, digest.bytes())
    }

    private init(_ kind: RevocationKind, _ issuer: [UInt8], _ name: [UInt8]) {
        var digest = SHA256Digest()
        digest.add(issuer.count)
        issuer.withView { digest.add($0) }
        name.withView { digest.add($0) }
        self.init(kind, digest.bytes())
    }

    private init(_ kind: RevocationKind, _ digest: [UInt8]) {
        self.kind = kind
        bytes = [kind.rawValue] + digest
    }

    /// In hexadecimal, for people and for stores whose keys are text.
    package var text: String {
        ByteWriter.text(capacity: 2 * Self.length) { writer in
            for byte in bytes { writer.write(hexadecimal: UInt64(byte), width: 2) }
        }
    }
}

/// The keys under which a token may be revoked. Made once when it has been verified, and kept with what was
/// made of it, because each costs a hash.
package struct RevocationKeys: Sendable {
    package let token: RevocationKey?
    package let tokenID: RevocationKey?
    package let subject: RevocationKey?
    package let issuedAt: WallTime?

    package init(token: ByteView, claims: Claims) {
        let issuer = claims.issuer ?? []
        self.token = .token(token)
        tokenID = claims.tokenID.map { .tokenID($0, issuer: issuer) }
        subject = claims.subject.map { .subject($0, issuer: issuer) }
        issuedAt = claims.issuedAt
    }

    /// Bytes that the keys take.
    package static let cost = 3 * (RevocationKey.length + 32)

    /// Whether `find` has an entry that revokes the token. It gives the value of a key as the table has it.
    package func isRevoked(_ find: (ByteView) -> ByteView?) -> Bool {
        isRevoked(token, find) || isRevoked(tokenID, find) || isRevoked(subject, find)
    }

    private func isRevoked(_ key: RevocationKey?, _ find: (ByteView) -> ByteView?) -> Bool {
        guard let key, let value = key.bytes.withView(find) else { return false }
        return RevocationEntry.revokes(key.kind, value, issuedAt: issuedAt)
    }
}

/// What the table has under a key.
package enum RevocationEntry {
    /// Of a `jti` and a token: that it is there says all.
    package static let present: [UInt8] = Array("1".utf8)

    /// Of a subject: milliseconds since 1970 in decimal. Tokens issued before then are revoked.
    package static func issuedBefore(_ time: WallTime) -> [UInt8] {
        // Rounded up: a token of this very moment is meant as well.
        let (milliseconds, rest) = max(0, time.nanoseconds).quotientAndRemainder(dividingBy: 1_000_000)
        return Array(String(milliseconds + (rest > 0 ? 1 : 0)).utf8)
    }

    /// Whether a value that was found under a key of `kind` revokes a token issued then. A value that cannot
    /// be read does: somebody wanted something of this key revoked. So does every value for a token that does
    /// not say when it was issued.
    package static func revokes(_ kind: RevocationKind, _ value: ByteView, issuedAt: WallTime?) -> Bool {
        switch kind {
        case .tokenID, .token: return true
        case .subject:
            guard let limit = value.decimal(), let issuedAt else { return true }
            return issuedAt.nanoseconds / 1_000_000 < limit
        }
    }
}
