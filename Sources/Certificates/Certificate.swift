/// What one X.509 certificate says of itself (RFC 5280).
package struct Certificate: Sendable {
    /// One line in the manner of RFC 2253: `CN=example.org,O=Example`. Bytes above ASCII are escaped.
    package let subject: String
    package let issuer: String
    /// The subject's last common name. Nothing takes it for a host's name any more (RFC 9525 §2).
    package let commonName: String?
    /// DNS names and IP addresses in the certificate's order.
    package let names: [AlternativeName]
    /// Seconds since 1970: good from here …
    package let notBefore: Int64
    /// … to here, this second included.
    package let notAfter: Int64
    package let key: KeyAlgorithm
    package let signature: SignatureAlgorithm
    /// Upper-case hexadecimal digits.
    package let serial: String
    /// Signed with the key that it holds.
    package let isSelfSigned: Bool
    /// May sign others (basic constraints, RFC 5280 §4.2.1.9).
    package let isAuthority: Bool
    /// SHA-256 of the DER, 32 bytes.
    package let fingerprint: [UInt8]

    /// OpenSSL's object, for whoever hands it to OpenSSL.
    package let handle: CertificateHandle

    init(_ handle: CertificateHandle) {
        self.handle = handle
        subject = handle.subject
        issuer = handle.issuer
        commonName = handle.commonName
        names = handle.alternativeNames
        notBefore = handle.notBefore
        notAfter = handle.notAfter
        key = handle.keyAlgorithm
        signature = handle.signatureAlgorithm
        serial = handle.serial
        isSelfSigned = handle.isSelfSigned
        isAuthority = handle.isAuthority
        fingerprint = handle.fingerprint
    }

    /// `AB:CD:…`, as browsers show it.
    package var fingerprintText: String { Hexadecimal.text(fingerprint, separator: ":") }

    package var pem: String { PEMBlock.text(label: "CERTIFICATE", bytes: handle.der) }

    /// Whether a client that asks for `host` takes it. The common name does not count.
    package func covers(_ host: String) -> Bool { names.contains { $0.covers(host) } }

    /// Whether this certificate's key signed `other`, and it is named as its issuer.
    package func issued(_ other: Certificate) -> Bool { handle.issued(other.handle) }

    /// Whole days to the end of `notAfter`, rounded down; negative once it is over.
    package func daysLeft(now: Int64) -> Int {
        let seconds = notAfter - now
        return Int(seconds >= 0 ? seconds / 86_400 : (seconds - 86_399) / 86_400)
    }
}

/// What kind of key, and how long.
package enum KeyAlgorithm: Hashable, Sendable {
    case ecdsa(bits: Int)
    case rsa(bits: Int)
    case ed25519
    /// Zero bits where OpenSSL does not know the algorithm.
    case other(bits: Int)
}

extension KeyAlgorithm: CustomStringConvertible {
    package var description: String {
        switch self {
        case .ecdsa(let bits): "ECDSA, \(bits) bits"
        case .rsa(let bits): "RSA, \(bits) bits"
        case .ed25519: "Ed25519"
        case .other(let bits): bits > 0 ? "of another kind, \(bits) bits" : "of an unknown kind"
        }
    }
}

/// How a certificate was signed.
package struct SignatureAlgorithm: Hashable, Sendable {
    /// OpenSSL's name for it: `ecdsa-with-SHA256`.
    package let name: String
    /// The digest where it is one that can be forged: `SHA-1`, `MD5`.
    package let weakDigest: String?
}
