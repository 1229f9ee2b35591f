import Bytes
import JSON
import JWT
import Time

/// What a request with a token costs: its verification, or the look at what was verified before.
enum Tokens {
    private static let now = WallTime(nanoseconds: 1_767_225_700_000_000_000)

    /// A token verified from beginning to end, its claims read and held to an issuer's rules.
    static func verify(_ algorithm: Algorithm, _ rounds: Int) -> Int {
        let issuers = [TokenIssuer(rules: rules(algorithm), keys: keys())]
        let verifier = TokenVerifier()
        var sum = 0
        token(algorithm).withView { token in
            for _ in 0..<rounds {
                guard case .accepted(let claims, _) = verifier.verify(token, issuers: issuers, now: now)
                else {
                    preconditionFailure("the sample is not accepted")
                }
                sum &+= claims.payload.count
            }
        }
        return sum
    }

    /// A token among 1,024 that were verified before.
    static func cached(_ rounds: Int) -> Int {
        var cache = TokenCache<Int>(seed: (0x9E37_79B9_7F4A_7C15, 0xD1B5_4A32_D192_ED03))
        let tokens = (0..<1024).map { number in
            // The signature is what tells tokens apart.
            Array(token(.hs256).dropLast(8)) + Array("\(10_000_000 + number)".utf8)
        }
        for (number, token) in tokens.enumerated() {
            token.withView { cache.insert(number, for: $0, cost: 512, expires: nil, now: now) }
        }
        var sum = 0
        for round in 0..<rounds {
            tokens[round & 1023].withView { token in sum &+= cache.find(token, now: now) ?? -1 }
        }
        return sum
    }

    static func claims(_ rounds: Int) -> Int {
        let payload = Array(SignedSamples.payload.utf8)
        var sum = 0
        for _ in 0..<rounds where (try? Claims(payload: payload)) != nil { sum &+= 1 }
        return sum
    }

    /// The plan of a user, out of the claims.
    static func claim(_ rounds: Int) -> Int {
        guard let claims = try? Claims(payload: Array(SignedSamples.payload.utf8)),
            let path = try? JSONPath("app_metadata.plan")
        else { return 0 }
        let region = Scratch(size: 64)
        var sum = 0
        for _ in 0..<rounds {
            var writer = ByteWriter(region.view)
            if claims.write(path, into: &writer) { sum &+= writer.count }
        }
        return sum
    }

    static func json(_ rounds: Int) -> Int {
        let payload = Array(SignedSamples.payload.utf8)
        var sum = 0
        payload.withView { text in
            for _ in 0..<rounds { sum &+= (try? JSONScanner.check(text).end) ?? 0 }
        }
        return sum
    }

    private static func token(_ algorithm: Algorithm) -> [UInt8] {
        let header = #"{"alg":"\#(algorithm.rawValue)","typ":"JWT","kid":"\#(algorithm.rawValue)"}"#
        let parts = [header, SignedSamples.payload].map { Base64URL.encode(Array($0.utf8)) }
        guard let signature = SignedSamples.signatures[algorithm.rawValue] else {
            preconditionFailure("no sample of \(algorithm.rawValue)")
        }
        return Array("\(parts[0]).\(parts[1]).\(signature)".utf8)
    }

    private static func keys() -> KeySet {
        Array(SignedSamples.keys.utf8).withView { text in
            guard let keys = try? KeySet(jwks: text, source: .local, algorithms: .all) else {
                preconditionFailure("the samples' keys are not taken")
            }
            return keys
        }
    }

    private static func rules(_ algorithm: Algorithm) -> TokenRules {
        TokenRules(
            issuer: .oneOf([Array("https://x.supabase.co/auth/v1".utf8)]),
            audience: .oneOf([Array("authenticated".utf8)]), algorithms: AlgorithmSet(algorithm))
    }
}
