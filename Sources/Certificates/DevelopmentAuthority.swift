/// A private authority for development and the certificates that it signs. Whoever trusts it should trust
/// the machine that holds its key.
package struct DevelopmentAuthority: Sendable {
    package let certificate: Certificate
    package let key: PrivateKeyFile

    /// Days that a new authority is good for.
    package static let authorityDays: Int64 = 365
    /// Days that a leaf is good for, unless the authority ends earlier.
    package static let leafDays: Int64 = 90
    /// Seconds that a certificate is good before it is made: clocks of containers and machines differ.
    static let clockTolerance: Int64 = 300
    /// Bytes of a common name (RFC 5280, ub-common-name).
    private static let commonNameLimit = 64

    /// An authority's two files as they stand on the disk.
    package enum Standing: Sendable {
        /// Neither is there.
        case absent
        /// Its time is over; seconds since 1970.
        case expired(Int64)
        case valid(DevelopmentAuthority)
    }

    /// What the leaf may be used for.
    package enum Use: Sendable {
        case server
        /// Beside that, to show who a client is (mTLS).
        case serverAndClient
    }

    /// A leaf and its key as PEM.
    package struct Leaf: Sendable {
        package let certificate: Certificate
        package let keyPEM: String

        package var certificatePEM: String { certificate.pem }
    }

    /// Reads what is there. An authority whose time is over may be replaced; one that is damaged is for its
    /// owner to look at, who may have trusted it elsewhere.
    ///
    /// - Parameters:
    ///   - certificate: PEM; nil where there is no file.
    ///   - key: PEM; nil where there is no file.
    ///   - now: seconds since 1970.
    package static func standing(
        certificate: [UInt8]?, key: [UInt8]?, now: Int64
    ) throws(AuthorityError) -> Standing {
        if certificate == nil, key == nil { return .absent }
        guard let certificate else { throw .missing(.certificate) }
        guard let key else { throw .missing(.key) }
        let chain: CertificateChain
        do throws(CertificateError) { chain = try CertificateChain(pem: certificate) } catch {
            throw .unreadable(.certificate, error)
        }
        let file: PrivateKeyFile
        do throws(CertificateError) { file = try PrivateKeyFile(pem: key) } catch {
            throw .unreadable(.key, error)
        }
        guard file.matches(chain) else { throw .keyMismatch }
        guard chain.leaf.isAuthority else { throw .notAnAuthority }
        guard now <= chain.leaf.notAfter else { return .expired(chain.leaf.notAfter) }
        return .valid(DevelopmentAuthority(certificate: chain.leaf, key: file))
    }

    /// A new authority with a new P-256 key.
    ///
    /// - Parameters:
    ///   - now: seconds since 1970.
    ///   - serial: 16 random bytes.
    package static func make(now: Int64, serial: [UInt8]) throws(AuthorityError) -> DevelopmentAuthority {
        let key = try KeyHandle.makeP256()
        let draft = CertificateDraft(
            commonName: "Floodgate development authority", serial: positive(serial),
            notBefore: now - clockTolerance, notAfter: now + authorityDays * 86_400,
            extensions: [.authority, .mayCertify, .subjectKey])
        let certificate = try draft.signed(key: key, issuer: nil)
        return DevelopmentAuthority(certificate: Certificate(certificate), key: PrivateKeyFile(key))
    }

    /// A new leaf with a new P-256 key.
    ///
    /// - Parameters:
    ///   - names: at least one; the first is the common name too, where it is short enough.
    ///   - now: seconds since 1970, within the authority's time.
    ///   - serial: 16 random bytes, other than those of every certificate that it signed before.
    package func leaf(
        names: [AlternativeName], use: Use = .server, now: Int64, serial: [UInt8]
    ) throws(AuthorityError) -> Leaf {
        guard let first = names.first?.description else { throw .noNames }
        let leafKey = try KeyHandle.makeP256()
        let draft = CertificateDraft(
            commonName: first.utf8.count <= Self.commonNameLimit ? first : "Floodgate development",
            serial: Self.positive(serial),
            notBefore: max(now - Self.clockTolerance, certificate.notBefore),
            notAfter: min(now + Self.leafDays * 86_400, certificate.notAfter),
            extensions: [
                .notAuthority, .maySign, Self.keyUsage(use), .names(names), .subjectKey, .authorityKey,
            ])
        let issuer = CertificateDraft.Issuer(certificate: certificate.handle, key: key.handle)
        let signed = try draft.signed(key: leafKey, issuer: issuer)
        return Leaf(certificate: Certificate(signed), keyPEM: try leafKey.pem())
    }

    package var certificatePEM: String { certificate.pem }

    /// Unencrypted: its file's permissions must guard it.
    package func keyPEM() throws(AuthorityError) -> String { try key.handle.pem() }

    private static func keyUsage(_ use: Use) -> CertificateDraft.Extension {
        switch use {
        case .server: .server
        case .serverAndClient: .serverAndClient
        }
    }

    /// A serial number is positive and not zero (RFC 5280 §4.1.2.2).
    private static func positive(_ random: [UInt8]) -> [UInt8] {
        precondition(random.count == 16, "a serial number of \(random.count) random bytes")
        return [random[0] & 0x7F | 0x40] + random.dropFirst()
    }
}
