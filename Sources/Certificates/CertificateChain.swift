/// The certificates of a PEM file: the leaf, then those that vouch for it.
package struct CertificateChain: Sendable {
    /// At least one; the leaf is the first. The order is the file's, unchecked: `CertificateInspection` does.
    package let certificates: [Certificate]

    package init(pem: [UInt8]) throws(CertificateError) {
        var certificates: [Certificate] = []
        for block in try PEMBlock.read(pem) {
            switch PEMLabel(block.label) {
            case .certificate:
                guard let handle = CertificateHandle(der: block.bytes) else {
                    throw .unreadable(label: block.label, line: block.line)
                }
                certificates.append(Certificate(handle))
            case .key, .encryptedKey: throw .keyInsteadOfCertificate(line: block.line)
            // Parameters belong to a key, and stand before it.
            case .parameters: continue
            case .other: throw .unexpected(label: block.label, line: block.line)
            }
        }
        guard !certificates.isEmpty else { throw .noCertificate }
        self.certificates = certificates
    }

    package init(pem: String) throws(CertificateError) { try self.init(pem: Array(pem.utf8)) }

    init(_ certificates: [Certificate]) {
        precondition(!certificates.isEmpty, "a chain without a certificate")
        self.certificates = certificates
    }

    package var leaf: Certificate { certificates[0] }

    package var intermediates: ArraySlice<Certificate> { certificates.dropFirst() }
}

/// What a block's label says that it holds.
enum PEMLabel {
    case certificate
    case key
    case encryptedKey
    /// The curve that `openssl ecparam -genkey` writes before the key, which names it too.
    case parameters
    case other

    init(_ label: String) {
        self =
            switch label {
            case "CERTIFICATE", "X509 CERTIFICATE": .certificate
            case "PRIVATE KEY", "EC PRIVATE KEY", "RSA PRIVATE KEY": .key
            case "ENCRYPTED PRIVATE KEY": .encryptedKey
            case "EC PARAMETERS": .parameters
            default: .other
            }
    }
}
