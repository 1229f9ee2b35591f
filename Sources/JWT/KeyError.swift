/// Why a key cannot be used, in words for who configured it. Never holds anything of the key.
package enum KeyError: Error, Equatable, Sendable, CustomStringConvertible {
    /// A secret with fewer bytes than the hash has (RFC 7518 §3.2).
    case secretTooShort(bytes: Int, needed: Int, Algorithm)
    /// What is given as a secret is known to everybody.
    case publicKeyAsSecret
    case noKey
    case privateKey
    case encryptedKey
    case damaged(label: String)
    case severalKeys
    case rsaTooSmall(bits: Int)
    case rsaTooLarge(bits: Int)
    /// A type or a curve that no algorithm here uses.
    case unsupported(String)
    /// Algorithms were asked for that this key is not for.
    case algorithmsDoNotFit(asked: AlgorithmSet, fitting: AlgorithmSet)
    /// OpenSSL does not take the key.
    case refused

    package var description: String {
        switch self {
        case .secretTooShort(let bytes, let needed, let algorithm):
            "the secret has \(bytes) bytes, \(algorithm.rawValue) needs \(needed) or more: make one with "
                + "`openssl rand -base64 \(needed)`"
        case .publicKeyAsSecret:
            "this is a public key, which everybody may know; as a secret it would let anybody sign: give it "
                + "as a public key"
        case .noKey: "no public key and no certificate in PEM: it begins with -----BEGIN PUBLIC KEY-----"
        case .privateKey:
            "this is a private key: the gateway needs the public one (`openssl pkey -pubout` writes it), and "
                + "the private one should stay where tokens are signed"
        case .encryptedKey: "the key is encrypted: public keys are not"
        case .damaged(let label): "the \(label) cannot be read: it is damaged or cut off"
        case .severalKeys: "more than one key: give each its own file"
        case .rsaTooSmall(let bits): "an RSA key of \(bits) bits: 2048 or more are needed (RFC 7518 §3.3)"
        case .rsaTooLarge(let bits): "an RSA key of \(bits) bits: \(VerificationKey.largestRSA) are the most"
        case .unsupported(let what): "\(what): use RSA, EC with P-256, P-384 or P-521, or Ed25519"
        case .algorithmsDoNotFit(let asked, let fitting):
            "the key is for \(fitting), not for \(asked.subtracting(fitting))"
        case .refused: "OpenSSL refuses the key: its numbers are not those of a key"
        }
    }
}
