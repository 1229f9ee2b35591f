/// Why a development authority cannot be used, or a certificate cannot be made.
package enum AuthorityError: Error, Equatable, Sendable {
    /// A name that no certificate can be made for; escaped.
    case badName(String)
    /// A certificate was asked for without a single name.
    case noNames
    /// Of an authority's two files only the other is there.
    case missing(Part)
    /// One of its files is not what it should be.
    case unreadable(Part, CertificateError)
    /// The certificate and the key that are there are not a pair.
    case keyMismatch
    /// A certificate that may not sign others.
    case notAnAuthority
    /// OpenSSL could not do it.
    case cannotMake(step: String, reason: String)

    package enum Part: String, Sendable {
        case certificate, key
    }
}

extension AuthorityError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .badName(let name):
            "no certificate can be made for `\(name)`: it must be a DNS name of ASCII letters, digits and "
                + "hyphens (with `*.` in front of it for a wildcard), or an IP address"
        case .noNames: "a certificate needs a name"
        case .missing(let part):
            "the authority's \(part.rawValue) is missing: bring it back, or delete the other file too"
        case .unreadable(let part, let error): "the authority's \(part.rawValue): \(error)"
        case .keyMismatch:
            "the authority's certificate and key are not a pair: bring back the right file, or delete both"
        case .notAnAuthority:
            "the authority's certificate may not sign others: bring back the right file, or delete it and "
                + "its key"
        case .cannotMake(let step, let reason): "\(step) failed: \(reason)"
        }
    }
}
