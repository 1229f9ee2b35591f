import Bytes

/// A key with the algorithms that it may verify with. Which those are is bound here, by the key's type and by
/// who configured it; a token only chooses among them (RFC 8725 §3.1).
///
/// Does not change once made. Workers take a copy each, so that they do not wait for each other's references.
package final class VerificationKey: Sendable {
    package let algorithms: AlgorithmSet
    /// The name that tokens know it by.
    package let kid: [UInt8]?
    private let material: Material
    /// One for each algorithm.
    private let verifiers: [Verifier]

    /// Bits of an RSA modulus. Beyond, one verification takes long enough to be an attack.
    package static let largestRSA = 8192
    package static let smallestRSA = 2048

    private enum Material: Sendable {
        case secret([HMACKey])
        case publicKey(PublicKey)
    }

    private enum Verifier: Sendable {
        case hmac(HMACKey)
        case signature(Algorithm, SignatureTemplate)

        var algorithm: Algorithm {
            switch self {
            case .hmac(let key): key.algorithm
            case .signature(let algorithm, _): algorithm
            }
        }
    }

    private init(_ material: Material, _ asked: AlgorithmSet, kid: [UInt8]?) throws(KeyError) {
        self.material = material
        self.kid = kid
        switch material {
        case .secret(let keys):
            verifiers = keys.filter { asked.holds($0.algorithm) }.map(Verifier.hmac)
        case .publicKey(let key):
            verifiers = asked.members.compactMap { algorithm in
                SignatureTemplate(algorithm, key: key).map { .signature(algorithm, $0) }
            }
        }
        guard !verifiers.isEmpty else { throw .refused }
        algorithms = verifiers.reduce(into: []) { $0.insert(AlgorithmSet($1.algorithm)) }
    }

    /// A secret shared with who signs. Without `algorithms` it is for those whose hash is no longer than it.
    package convenience init(
        secret: [UInt8], algorithms: AlgorithmSet? = nil, kid: [UInt8]? = nil
    ) throws(KeyError) {
        guard !PublicKeyText.isPublic(secret) else { throw .publicKeyAsSecret }
        let fitting = AlgorithmSet.hmac.members.filter { secret.count >= ($0.hash?.length ?? 0) }
        let asked = algorithms ?? AlgorithmSet(fitting.map(AlgorithmSet.init))
        guard asked.isSubset(of: .hmac) else {
            throw .algorithmsDoNotFit(asked: asked, fitting: .hmac)
        }
        let wanted = asked.isEmpty ? [.hs256] : asked.members
        if let short = wanted.first(where: { !fitting.contains($0) }), let hash = short.hash {
            throw .secretTooShort(bytes: secret.count, needed: hash.length, short)
        }
        try self.init(.secret(wanted.map { HMACKey(secret, $0) }), asked, kid: kid)
    }

    /// A public key (`PUBLIC KEY`, `RSA PUBLIC KEY`) or a certificate in PEM; of a chain the first counts.
    /// A certificate's dates and issuer are not looked at: the operator vouches for its key.
    package convenience init(
        pem: [UInt8], algorithms: AlgorithmSet? = nil, kid: [UInt8]? = nil
    ) throws(KeyError) {
        try self.init(publicKey: try PublicKeyText.read(pem: pem), algorithms, .strict, kid: kid)
    }

    /// How algorithms that a key is not for are taken.
    enum Fit {
        /// Somebody named them for this key: an error.
        case strict
        /// They are a list for many keys, of which this one takes its part.
        case narrowed
    }

    convenience init(
        publicKey: PublicKey, _ algorithms: AlgorithmSet?, _ fit: Fit, kid: [UInt8]?
    ) throws(KeyError) {
        let fitting = try Self.algorithms(for: publicKey.kind)
        let asked = algorithms ?? fitting
        let used = asked.intersection(fitting)
        guard !used.isEmpty, fit == .narrowed || used == asked else {
            throw .algorithmsDoNotFit(asked: asked, fitting: fitting)
        }
        try self.init(.publicKey(publicKey), used, kid: kid)
    }

    private static func algorithms(for kind: PublicKey.Kind) throws(KeyError) -> AlgorithmSet {
        switch kind {
        case .rsa(let bits), .rsaPSS(let bits):
            guard bits >= smallestRSA else { throw .rsaTooSmall(bits: bits) }
            guard bits <= largestRSA else { throw .rsaTooLarge(bits: bits) }
            if case .rsaPSS = kind { return .rsaPSS }
            return .rsa
        case .p256: return AlgorithmSet(.es256)
        case .p384: return AlgorithmSet(.es384)
        case .p521: return AlgorithmSet(.es512)
        case .ed25519: return AlgorithmSet(.edDSA)
        case .other(let what): throw .unsupported(what)
        }
    }

    /// The same key for another thread, sharing nothing that is counted.
    package func copy() -> VerificationKey {
        let twin: Material =
            switch material {
            case .secret(let keys): .secret(keys.map { $0.copy() })
            case .publicKey(let key): .publicKey(key.copy())
            }
        guard let key = try? VerificationKey(twin, algorithms, kid: kid) else {
            preconditionFailure("a copy of a good key is refused")
        }
        return key
    }

    /// Whether `signature` is this key's for `message`. False for an algorithm that is not the key's.
    func verify(
        _ signature: ByteView, of message: ByteView, _ algorithm: Algorithm, in workshop: borrowing Workshop
    ) -> Bool {
        for verifier in verifiers where verifier.algorithm == algorithm {
            switch verifier {
            case .hmac(let key): return key.matches(signature, of: message)
            case .signature(_, let template):
                return workshop.verify(signature, of: message, algorithm, by: template)
            }
        }
        return false
    }
}
