/// What is wrong with a chain and its key before a client finds out.
package enum CertificateInspection {
    /// Days before its end from which on a certificate is worth a warning, unless told otherwise.
    package static let warningDays = 14

    /// Bits that an RSA key has at least.
    static let leastRSABits = 2048

    /// Everything that is wrong, certificate by certificate, the leaf first.
    ///
    /// - Parameters:
    ///   - key: nil where the chain is looked at alone.
    ///   - now: seconds since 1970.
    package static func problems(
        _ chain: CertificateChain, key: PrivateKeyFile?, now: Int64, warningDays: Int = warningDays
    ) -> [CertificateProblem] {
        var problems: [CertificateProblem] = []
        if let key, !key.matches(chain) { problems.append(.keyMismatch) }
        for (index, certificate) in chain.certificates.enumerated() {
            if index > 0, !certificate.issued(chain.certificates[index - 1]) {
                problems.append(.outOfOrder(index))
            }
            problems += time(certificate, index, now: now, warningDays: warningDays)
            if case .rsa(let bits) = certificate.key, bits < leastRSABits {
                problems.append(.weakKey(index, bits: bits))
            }
            // Nobody relies on a root's signature of itself: it is trusted because it is known.
            let isRoot = index > 0 && certificate.isSelfSigned
            if let digest = certificate.signature.weakDigest, !isRoot {
                problems.append(.weakSignature(index, digest: digest))
            }
        }
        // An authority that is looked at by itself has no host to name.
        if chain.leaf.names.isEmpty, !chain.leaf.isAuthority { problems.append(.noNames) }
        return problems
    }

    private static func time(
        _ certificate: Certificate, _ index: Int, now: Int64, warningDays: Int
    ) -> [CertificateProblem] {
        if now < certificate.notBefore { return [.notYetValid(index, from: certificate.notBefore)] }
        if now > certificate.notAfter { return [.expired(index, at: certificate.notAfter)] }
        let days = certificate.daysLeft(now: now)
        return days < warningDays ? [.expiresSoon(index, days: days)] : []
    }
}

/// One thing that is wrong. Places count from 0, the leaf; times are seconds since 1970.
package enum CertificateProblem: Equatable, Sendable {
    case keyMismatch
    /// This certificate did not issue the one before it.
    case outOfOrder(Int)
    case notYetValid(Int, from: Int64)
    case expired(Int, at: Int64)
    /// Whole days left.
    case expiresSoon(Int, days: Int)
    case weakKey(Int, bits: Int)
    case weakSignature(Int, digest: String)
    /// The leaf has no DNS name and no address among its alternative names.
    case noNames

    package enum Severity: String, Sendable {
        /// Works, with some or for now.
        case warning
        /// Clients refuse it, or should.
        case error
    }

    package var severity: Severity {
        switch self {
        case .expiresSoon, .noNames: .warning
        case .keyMismatch, .outOfOrder, .notYetValid, .expired, .weakKey, .weakSignature: .error
        }
    }
}

extension CertificateProblem: CustomStringConvertible {
    package var description: String {
        switch self {
        case .keyMismatch: "the private key does not belong to the certificate"
        case .outOfOrder(let index):
            "certificate \(index + 1) did not issue certificate \(index): the order is leaf first, then who "
                + "issued it, and so on"
        case .notYetValid(let index, let from):
            "\(Self.name(index)) is not valid before \(UTCText.text(from)): is the clock right?"
        case .expired(let index, let end): "\(Self.name(index)) expired on \(UTCText.text(end))"
        case .expiresSoon(let index, let days):
            days == 0
                ? "\(Self.name(index)) expires within a day"
                : "\(Self.name(index)) expires in \(UTCText.days(days))"
        case .weakKey(let index, let bits):
            "\(Self.name(index)) has an RSA key of \(bits) bits, "
                + "\(CertificateInspection.leastRSABits) are the least"
        case .weakSignature(let index, let digest):
            "\(Self.name(index)) is signed with \(digest), which can be forged"
        case .noNames:
            "the certificate has no alternative name (SAN): browsers do not look at the common name"
        }
    }

    private static func name(_ index: Int) -> String {
        index == 0 ? "the certificate" : "certificate \(index + 1) of the chain"
    }
}
