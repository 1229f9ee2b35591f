import Bytes
import JWT
import TestIssuer
import Testing

/// Every algorithm verifies what was signed with it, and nothing else.
@Suite struct AlgorithmTests {
    private static let rsa = IssuerKey.rsa()
    private static let p256 = IssuerKey.ec("P-256")
    private static let p384 = IssuerKey.ec("P-384")
    private static let p521 = IssuerKey.ec("P-521")
    private static let ed25519 = IssuerKey.ed25519()
    private static let claims = #"{"iss":"a"}"#

    private static func signer(_ algorithm: Algorithm) -> IssuerKey? {
        switch algorithm {
        case .hs256, .hs384, .hs512: nil
        case .rs256, .rs384, .rs512, .ps256, .ps384, .ps512: rsa
        case .es256: p256
        case .es384: p384
        case .es512: p521
        case .edDSA: ed25519
        }
    }

    private static func token(_ algorithm: Algorithm) -> String {
        signer(algorithm)?.token(claims, algorithm) ?? IssuerSecret.standard.token(claims, algorithm)
    }

    private static func keys(_ algorithm: Algorithm) throws -> KeySet {
        guard let signer = signer(algorithm) else { return try IssuerSecret.standard.keys() }
        return KeySet(keys: [try VerificationKey(pem: signer.pem)])
    }

    @Test(arguments: Algorithm.allCases)
    func `a token is verified by the key that it was signed with`(_ algorithm: Algorithm) throws {
        let token = Self.token(algorithm)
        let keys = try Self.keys(algorithm)
        #expect(verdict(token, keys) == nil)
        #expect(verdict(token, keys.copy()) == nil)
        if let signer = Self.signer(algorithm) {
            #expect(verdict(token, try keySet(signer.jwk(), source: .remote)) == nil)
            #expect(verdict(token, try keySet(signer.jwk(#","alg":"\#(algorithm.rawValue)""#))) == nil)
        }
    }

    @Test(arguments: Algorithm.allCases)
    func `an algorithm that is not in the issuer's list is refused whatever the key could`(
        _ algorithm: Algorithm
    ) throws {
        let others = AlgorithmSet.all.subtracting(AlgorithmSet(algorithm))
        #expect(
            verdict(Self.token(algorithm), try Self.keys(algorithm), lenient(others)) == .algorithmNotAllowed)
    }

    @Test(arguments: Algorithm.allCases)
    func `a token of every other algorithm is refused by a key`(_ algorithm: Algorithm) throws {
        let key: VerificationKey
        if let signer = Self.signer(algorithm) {
            key = try VerificationKey(pem: signer.pem, algorithms: AlgorithmSet(algorithm))
        } else {
            key = try VerificationKey(
                secret: IssuerSecret.standard.bytes, algorithms: AlgorithmSet(algorithm))
        }
        #expect(key.algorithms == AlgorithmSet(algorithm))
        for other in Algorithm.allCases where other != algorithm {
            #expect(verdict(Self.token(other), KeySet(keys: [key])) == .algorithmNotAllowed)
        }
    }

    /// The header says one algorithm, the signature is another's.
    @Test(arguments: Algorithm.allCases, Algorithm.allCases)
    func `a signature under another algorithm's name is refused`(_ named: Algorithm, _ used: Algorithm) throws
    {
        guard named != used else { return }
        let header = #"{"alg":"\#(named.rawValue)"}"#
        let token =
            Self.signer(used)?.token(header: header, Self.claims, used)
            ?? IssuerSecret.standard.token(header: header, Self.claims, used)
        #expect(verdict(token, try Self.keys(used)) != nil)
        #expect(verdict(token, try Self.keys(named)) == .badSignature)
    }

    @Test(arguments: Algorithm.allCases)
    func `signatures cut, lengthened, empty or of zeros are refused`(_ algorithm: Algorithm) throws {
        let keys = try Self.keys(algorithm)
        let parts = Self.token(algorithm).split(separator: ".").map(String.init)
        let signature = decoded(parts[2])
        let zeros = [UInt8](repeating: 0, count: signature.count)
        let changed: [[UInt8]] = [
            [], Array(signature.dropLast()), Array(signature.dropFirst()), signature + [0], [0] + signature,
            signature + signature, zeros, [UInt8](repeating: 0xFF, count: signature.count), [0], [0, 0],
            signature.reversed(), Array(signature.prefix(signature.count / 2)),
        ]
        for changed in changed {
            #expect(verdict("\(parts[0]).\(parts[1]).\(Base64URL.encode(changed))", keys) == .badSignature)
        }
    }

    /// One in 256 signatures by RSA begins with a zero: without it the number is the same.
    @Test(arguments: [Algorithm.rs256, .ps256])
    func `a signature by RSA is as long as the modulus, also where it begins with a zero`(
        _ algorithm: Algorithm
    ) throws {
        let keys = try Self.keys(algorithm)
        for number in 0..<10_000 {
            let token = Self.rsa.token(#"{"iss":"a","jti":"\#(number)"}"#, algorithm)
            let parts = token.split(separator: ".").map(String.init)
            let signature = decoded(parts[2])
            guard signature[0] == 0 else { continue }
            #expect(verdict(token, keys) == nil)
            let shorter = Base64URL.encode(Array(signature.dropFirst()))
            #expect(verdict("\(parts[0]).\(parts[1]).\(shorter)", keys) == .badSignature)
            return
        }
        Issue.record("none of ten thousand signatures begins with a zero")
    }

    /// CVE-2022-21449: r = s = 0 is a signature of everything where nobody asks.
    @Test(arguments: [(Algorithm.es256, 32), (.es384, 48), (.es512, 66)])
    func `an ECDSA signature with a number out of range is refused`(_ algorithm: Algorithm, _ size: Int)
        throws
    {
        let keys = try Self.keys(algorithm)
        let parts = Self.token(algorithm).split(separator: ".").map(String.init)
        let good = decoded(parts[2])
        let (r, s) = (Array(good.prefix(size)), Array(good.suffix(size)))
        let zero = [UInt8](repeating: 0, count: size)
        let one = [UInt8](repeating: 0, count: size - 1) + [1]
        let order = try #require(Self.orders[algorithm])
        let most = [UInt8](repeating: 0xFF, count: size)
        let pairs = [
            (zero, zero), (r, zero), (zero, s), (one, one), (order, s), (r, order), (order, order),
            (most, most),
            (most, s), (r, most), (s, r), (zero, one), (one, zero),
        ]
        for (r, s) in pairs {
            #expect(verdict("\(parts[0]).\(parts[1]).\(Base64URL.encode(r + s))", keys) == .badSignature)
        }
        // n − s signs the same. It is another token to the cache, and the same one to the revocation list.
        let twin = "\(parts[0]).\(parts[1]).\(Base64URL.encode(r + Self.minus(order, s)))"
        #expect(verdict(twin, keys) == nil)
        let original = bytes(parts.joined(separator: "."))
        #expect(
            original.withView { RevocationKey.token($0) } == bytes(twin).withView { RevocationKey.token($0) })
    }

    /// The orders of the groups, from SEC 2 §2.4.2, §2.5.1 and §2.6.1.
    private static let orders: [Algorithm: [UInt8]] = [
        .es256: hex("FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551"),
        .es384: hex(
            "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973"
        ),
        .es512: hex(
            "01FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFA51868783BF2F"
                + "966B7FCC0148F709A5D03BB5C9B8899C47AEBB6FB71E91386409"),
    ]

    private static func hex(_ text: String) -> [UInt8] {
        let digits = text.compactMap { $0.hexDigitValue }
        return stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] * 16 + digits[$0 + 1]) }
    }

    private static func minus(_ left: [UInt8], _ right: [UInt8]) -> [UInt8] {
        var result = left
        var borrow = 0
        for index in left.indices.reversed() {
            let difference = Int(left[index]) - Int(right[index]) - borrow
            borrow = difference < 0 ? 1 : 0
            result[index] = UInt8(truncatingIfNeeded: difference)
        }
        return result
    }

    /// RFC 8037 §3.1, RFC 8032 §5.1.7: S is less than the group's order, or every signature has twins.
    @Test func `an Ed25519 signature with S beyond the order is refused`() throws {
        let order: [UInt8] = Self.hex("1000000000000000000000000000000014DEF9DEA2F79CD65812631A5CF5D3ED")
            .reversed()
        let parts = Self.token(.edDSA).split(separator: ".").map(String.init)
        var signature = decoded(parts[2])
        var carry = 0
        for index in 0..<32 {
            let sum = Int(signature[32 + index]) + Int(order[index]) + carry
            signature[32 + index] = UInt8(truncatingIfNeeded: sum)
            carry = sum >> 8
        }
        let twin = "\(parts[0]).\(parts[1]).\(Base64URL.encode(signature))"
        #expect(verdict(twin, try Self.keys(.edDSA)) == .badSignature)
    }

    @Test func `PSS with another salt and PKCS 1 under its name are refused`() throws {
        let keys = try Self.keys(.ps256)
        let header = #"{"alg":"PS256"}"#
        #expect(verdict(Self.rsa.token(header: header, "{}", .rs256), keys) == .badSignature)
        #expect(verdict(Self.rsa.token(header: #"{"alg":"RS256"}"#, "{}", .ps256), keys) == .badSignature)
    }

    @Test func `HMAC is that of RFC 4231`() throws {
        // Test case 6: a key longer than the block.
        let key = [UInt8](repeating: 0xAA, count: 131)
        let signer = IssuerSecret(key)
        for algorithm in [Algorithm.hs256, .hs384, .hs512] {
            let keys = KeySet(keys: [try VerificationKey(secret: key)])
            #expect(verdict(signer.token("{}", algorithm), keys) == nil)
        }
        for length in [64, 65, 127, 128, 129] {
            let secret = [UInt8](repeating: 0x5A, count: length)
            let keys = KeySet(keys: [try VerificationKey(secret: secret)])
            for algorithm in [Algorithm.hs256, .hs384, .hs512] {
                #expect(verdict(IssuerSecret(secret).token("{}", algorithm), keys) == nil)
            }
        }
    }

    @Test func `names of algorithms are what they are, case and all`() {
        for algorithm in Algorithm.allCases {
            #expect(bytes(algorithm.rawValue).withView { Algorithm($0) } == algorithm)
            #expect(bytes(algorithm.rawValue.lowercased()).withView { Algorithm($0) } == nil)
            #expect(algorithm.name.description == algorithm.rawValue)
        }
        #expect(AlgorithmSet.all.members == Algorithm.allCases)
        #expect(
            AlgorithmSet.hmac.union(.asymmetric) == .all && AlgorithmSet.hmac.isDisjoint(with: .asymmetric))
        #expect(
            AlgorithmSet.rsa.members.map(\.rawValue) == [
                "RS256", "RS384", "RS512", "PS256", "PS384", "PS512",
            ])
        #expect(AlgorithmSet.rsaPSS.description == "PS256, PS384, PS512")
    }
}
