import Bytes

/// Public keys in the texts that people keep them in.
enum PublicKeyText {
    static func read(pem: [UInt8]) throws(KeyError) -> PublicKey {
        let blocks = PEMText(pem).blocks
        guard let first = blocks.first else { throw .noKey }
        guard !first.isEncrypted else { throw .encryptedKey }
        let isChain = blocks.allSatisfy { $0.label.hasSuffix("CERTIFICATE") }
        guard blocks.count == 1 || isChain else { throw .severalKeys }
        let key: PublicKey?
        switch first.label {
        case "PUBLIC KEY": key = PublicKey(der: first.content)
        case "RSA PUBLIC KEY": key = PublicKey(der: PublicKeyForm.rsa(pkcs1: first.content))
        case "CERTIFICATE", "X509 CERTIFICATE": key = PublicKey(certificate: first.content)
        case let label where label.hasSuffix("PRIVATE KEY"): throw .privateKey
        default: throw .noKey
        }
        guard let key else { throw .damaged(label: first.label.lowercased()) }
        return key
    }

    /// Whether bytes that are given as a secret are a public key or a certificate in one of the forms that
    /// those have: a token signed with such a "secret" is anybody's (RFC 8725 §2.1).
    static func isPublic(_ secret: [UInt8]) -> Bool {
        let text = secret.drop { $0 <= 0x20 }
        let marks = ["-----BEGIN ", "ssh-rsa ", "ssh-ed25519 ", "ecdsa-sha2-", "---- BEGIN SSH2"]
        if marks.contains(where: { text.starts(with: $0.utf8) }) { return true }
        // A JWK or a set of them.
        if text.first == UInt8(ascii: "{"), let end = text.lastIndex(of: UInt8(ascii: "}")) {
            let body = String(decoding: text[...end], as: UTF8.self)
            if body.contains("\"kty\"") || body.contains("\"keys\"") { return true }
        }
        if isDER(secret) { return true }
        // The same without its armour.
        let standard: [UInt8] = secret.compactMap { byte in
            switch byte {
            case UInt8(ascii: "+"): UInt8(ascii: "-")
            case UInt8(ascii: "/"): UInt8(ascii: "_")
            case 0x20, 0x0A, 0x0D, 0x09, UInt8(ascii: "="): nil
            default: byte
            }
        }
        return standard.withView { Base64URL.decode($0) }.map(isDER) ?? false
    }

    private static func isDER(_ bytes: [UInt8]) -> Bool {
        guard bytes.first == 0x30 else { return false }
        return PublicKey(der: bytes) != nil || PublicKey(certificate: bytes) != nil
            || PublicKey(der: PublicKeyForm.rsa(pkcs1: bytes)) != nil
    }
}
