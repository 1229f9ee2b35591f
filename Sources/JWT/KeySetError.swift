import JSON

/// Why a text is not a key set that can be used, in words for a log line. Never holds anything of a key.
package enum KeySetError: Error, Equatable, Sendable, CustomStringConvertible {
    case tooLong(bytes: Int)
    case notJSON(JSONFault)
    /// No `keys` that is an array, or two of them.
    case noKeys
    case tooManyKeys(limit: Int)
    /// A key that nobody but its owner may have, in a set that came over the network.
    case secretInPublicSet(index: Int)
    /// Every key of it was left out.
    case nothingUsable(skipped: Int, first: SkippedKey?)

    package var description: String {
        switch self {
        case .tooLong(let bytes): "the key set is longer than \(bytes) bytes"
        case .notJSON(let fault): "the key set is no JSON: \(fault.kind) at byte \(fault.offset)"
        case .noKeys: "the key set has no member `keys` with an array of keys (RFC 7517 §5)"
        case .tooManyKeys(let limit): "the key set has more than \(limit) keys"
        case .secretInPublicSet(let index):
            "key \(index) of the key set is a secret or a private key: whoever can read the set can sign "
                + "tokens; it must be replaced"
        case .nothingUsable(let skipped, let first):
            "none of \(skipped) keys can be used" + (first.map { ": \($0)" } ?? "")
        }
    }
}

/// A key of a set that is left out, and why.
package struct SkippedKey: Equatable, Sendable, CustomStringConvertible {
    package enum Reason: Equatable, Sendable {
        /// A type, curve or algorithm that is not supported; sets may hold such (RFC 7517 §5).
        case unsupported
        /// `use` or `key_ops` say that it is not for verifying.
        case otherUse
        /// Its algorithm is not among those of the issuer.
        case algorithmNotAllowed
        /// A member is missing, stands twice, or is not what it must be.
        case malformed(String)
        case unusable(KeyError)
    }

    /// Its place in the set, from 0.
    package let index: Int
    package let reason: Reason

    package init(index: Int, reason: Reason) {
        self.index = index
        self.reason = reason
    }

    package var description: String {
        switch reason {
        case .unsupported: "key \(index) has a type, curve or algorithm that is not supported"
        case .otherUse: "key \(index) is not for verifying"
        case .algorithmNotAllowed: "key \(index) is for an algorithm that the issuer does not use"
        case .malformed(let member): "key \(index) has no proper `\(member)`"
        case .unusable(let error): "key \(index): \(error)"
        }
    }
}
