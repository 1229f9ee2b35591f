/// Why a file is not the certificates or the key that it should be. Lines count from 1; the words do not name
/// the file, which whoever opened it knows.
package enum CertificateError: Error, Equatable, Sendable {
    /// Nothing in it looks like PEM.
    case noPEM
    /// It begins as DER does, which is the same content in binary.
    case binary
    /// A `BEGIN` line whose `END` line is missing or names something else.
    case unfinished(label: String, line: Int)
    /// An `END` line without its `BEGIN` line.
    case endWithoutBegin(label: String, line: Int)
    /// Neither base64 nor a line with a header.
    case notBase64(label: String, line: Int)
    /// The base64 is sound, but what it holds is not what the label says, or more than that.
    case unreadable(label: String, line: Int)
    /// Text behind the last block: a file that was cut, or appended to.
    case textBehind(line: Int)
    /// A block that is neither certificate nor key.
    case unexpected(label: String, line: Int)

    /// Certificates were expected and there is none.
    case noCertificate
    /// A private key among or instead of certificates.
    case keyInsteadOfCertificate(line: Int)

    /// A private key was expected and there is none.
    case noKey
    /// Certificates, and no private key.
    case certificateInsteadOfKey(line: Int)
    /// The key is encrypted with a passphrase.
    case encryptedKey(line: Int)
    /// More than one private key.
    case secondKey(line: Int)
}

extension CertificateError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .noPEM: "no PEM in it: a line `-----BEGIN …-----` is missing"
        case .binary:
            "it is binary (DER), PEM is expected: `openssl x509 -inform der` or `openssl pkey -inform der` "
                + "turns it into that"
        case .unfinished(let label, let line):
            "line \(line): `BEGIN \(label)` has no `END \(label)`: the file was cut"
        case .endWithoutBegin(let label, let line): "line \(line): `END \(label)` without its `BEGIN`"
        case .notBase64(let label, let line): "line \(line): not the base64 that a \(label) is made of"
        case .unreadable(let label, let line): "line \(line): this \(label) cannot be read: it is damaged"
        case .textBehind(let line): "line \(line): text behind the last block: delete it"
        case .unexpected(let label, let line):
            "line \(line): a \(label), which is neither a certificate nor a private key"
        case .noCertificate: "no certificate in it"
        case .keyInsteadOfCertificate(let line):
            "line \(line): a private key where certificates are expected: keep it in a file of its own"
        case .noKey: "no private key in it"
        case .certificateInsteadOfKey(let line):
            "line \(line): a certificate where a private key is expected: are the two files swapped?"
        case .encryptedKey(let line):
            "line \(line): the key is encrypted and needs a passphrase, which is not supported: "
                + "`openssl pkey -in KEY -out NEW` writes it without, and file permissions guard it"
        case .secondKey(let line): "line \(line): a second private key: one is expected"
        }
    }
}
