import Bytes

/// How a token is signed (RFC 7518 §3.1, RFC 8037 §3.1). `none` is not among them: there is no value for it,
/// so that nothing can allow it by mistake.
package enum Algorithm: String, CaseIterable, Sendable {
    case hs256 = "HS256"
    case hs384 = "HS384"
    case hs512 = "HS512"
    case rs256 = "RS256"
    case rs384 = "RS384"
    case rs512 = "RS512"
    case ps256 = "PS256"
    case ps384 = "PS384"
    case ps512 = "PS512"
    case es256 = "ES256"
    case es384 = "ES384"
    case es512 = "ES512"
    /// With Ed25519 only.
    case edDSA = "EdDSA"

    /// Names are compared as they are: case matters (RFC 7515 §4.1.1).
    package init?(_ name: ByteView) {
        guard let found = Self.allCases.first(where: { name.equals($0.name) }) else { return nil }
        self = found
    }

    package var name: StaticString {
        switch self {
        case .hs256: "HS256"
        case .hs384: "HS384"
        case .hs512: "HS512"
        case .rs256: "RS256"
        case .rs384: "RS384"
        case .rs512: "RS512"
        case .ps256: "PS256"
        case .ps384: "PS384"
        case .ps512: "PS512"
        case .es256: "ES256"
        case .es384: "ES384"
        case .es512: "ES512"
        case .edDSA: "EdDSA"
        }
    }

    enum Hash: Sendable {
        case sha256, sha384, sha512

        /// Bytes of a digest.
        var length: Int {
            switch self {
            case .sha256: 32
            case .sha384: 48
            case .sha512: 64
            }
        }
    }

    /// Ed25519 has its hash inside.
    var hash: Hash? {
        switch self {
        case .hs256, .rs256, .ps256, .es256: .sha256
        case .hs384, .rs384, .ps384, .es384: .sha384
        case .hs512, .rs512, .ps512, .es512: .sha512
        case .edDSA: nil
        }
    }

    var isPSS: Bool {
        switch self {
        case .ps256, .ps384, .ps512: true
        case .hs256, .hs384, .hs512, .rs256, .rs384, .rs512, .es256, .es384, .es512, .edDSA: false
        }
    }
}

package struct AlgorithmSet: OptionSet, Sendable, CustomStringConvertible {
    package let rawValue: UInt16

    package init(rawValue: UInt16) { self.rawValue = rawValue }

    package init(_ algorithm: Algorithm) {
        rawValue = 1 << UInt16(Self.position(algorithm))
    }

    private static func position(_ algorithm: Algorithm) -> Int {
        switch algorithm {
        case .hs256: 0
        case .hs384: 1
        case .hs512: 2
        case .rs256: 3
        case .rs384: 4
        case .rs512: 5
        case .ps256: 6
        case .ps384: 7
        case .ps512: 8
        case .es256: 9
        case .es384: 10
        case .es512: 11
        case .edDSA: 12
        }
    }

    package static let hmac = AlgorithmSet(rawValue: 0b111)
    package static let rsa = AlgorithmSet(rawValue: 0b1_1111_1000)
    package static let rsaPSS = AlgorithmSet(rawValue: 0b1_1100_0000)
    /// All that sign with a private key: what keys from elsewhere may be used for.
    package static let asymmetric = AlgorithmSet(rawValue: 0b1_1111_1111_1000)
    package static let all = AlgorithmSet(rawValue: 0b1_1111_1111_1111)

    package func holds(_ algorithm: Algorithm) -> Bool { contains(AlgorithmSet(algorithm)) }

    package var members: [Algorithm] { Algorithm.allCases.filter(holds) }

    package var description: String { members.map(\.rawValue).joined(separator: ", ") }
}
