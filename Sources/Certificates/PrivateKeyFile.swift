/// The private key of a PEM file: PKCS #8 (RFC 5958), or the older forms for EC and RSA.
package struct PrivateKeyFile: Sendable {
    package let algorithm: KeyAlgorithm
    /// OpenSSL's object, for whoever hands it to OpenSSL.
    package let handle: KeyHandle

    /// Certificates beside the key are passed over: some tools write both into one file.
    package init(pem: [UInt8]) throws(CertificateError) {
        var found: KeyHandle?
        var certificate: Int?
        for block in try PEMBlock.read(pem) {
            switch PEMLabel(block.label) {
            case .key:
                guard found == nil else { throw .secondKey(line: block.line) }
                guard !block.isEncrypted else { throw .encryptedKey(line: block.line) }
                guard let handle = KeyHandle(der: block.bytes) else {
                    throw .unreadable(label: block.label, line: block.line)
                }
                found = handle
            case .encryptedKey: throw .encryptedKey(line: block.line)
            case .certificate: certificate = certificate ?? block.line
            case .parameters: continue
            case .other: throw .unexpected(label: block.label, line: block.line)
            }
        }
        if let found {
            self.init(found)
        } else if let certificate {
            throw .certificateInsteadOfKey(line: certificate)
        } else {
            throw .noKey
        }
    }

    package init(pem: String) throws(CertificateError) { try self.init(pem: Array(pem.utf8)) }

    init(_ handle: KeyHandle) {
        self.handle = handle
        algorithm = handle.algorithm
    }

    /// Whether the chain's leaf holds this key's public half.
    package func matches(_ chain: CertificateChain) -> Bool { handle.matches(chain.leaf.handle) }
}
