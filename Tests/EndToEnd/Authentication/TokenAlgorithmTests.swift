import Foundation
import TestIssuer
import Testing

/// Tokens of every algorithm, by keys that come from a file, a secret or a certificate's key.
@Suite(.timeLimit(.minutes(20))) struct TokenAlgorithmTests {
    private static let algorithms = [
        "HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384",
        "ES512", "EdDSA",
    ]

    private static let keys: [String: IssuerKey] = [
        "RS": .rsa(), "ES256": .ec("P-256"), "ES384": .ec("P-384"), "ES512": .ec("P-521"), "Ed": .ed25519(),
    ]

    /// The key that is for an algorithm, by its kid; nil for the secret.
    private static func key(_ algorithm: String) -> (kid: String, key: IssuerKey)? {
        let kid =
            switch algorithm.prefix(2) {
            case "HS": ""
            case "RS", "PS": "RS"
            case "Ed": "Ed"
            default: algorithm
            }
        return keys[kid].map { (kid, $0) }
    }

    private static func token(_ algorithm: String, _ claims: String, as other: String? = nil) -> String {
        guard let (kid, key) = key(algorithm) else { return Token.signed(claims, algorithm) }
        return key.token(claims, algorithm, header: #","kid":"\#(other ?? kid)""#)
    }

    @Test func `every algorithm is verified, by HTTP/1.1 and HTTP/2`() throws {
        let set = Self.keys.map { $1.jwk(#","kid":"\#($0)""#) }.joined(separator: ",")
        let house = try TokenGateway(
            source: "secret: \"\(Token.secret)\", keys: FOLDER/keys.json", listener: GatewayProcess.http2,
            files: ["keys.json": #"{"keys":[\#(set)]}"#])
        let client = try house.gateway.http2()
        var stream: UInt32 = 1
        for (number, algorithm) in Self.algorithms.enumerated() {
            let token = Self.token(algorithm, Token.claims(#""sub":"u\#(number)""#))
            for _ in 0..<2 {
                #expect(try house.ask("/\(algorithm)", bearer: token).status == 200, "\(algorithm)")
            }
            let answer = try client.ask(
                stream, "/\(algorithm)/2", [("authorization", "Bearer \(token)")])
            #expect(answer.status == 200, "\(algorithm)")
            stream += 2
            let seen = house.origin.requests.filter { $0.target.hasPrefix("/\(algorithm)") }
            #expect(seen.count == 3)
            #expect(seen.allSatisfy { $0.value("X-User-Id") == "u\(number)" })
            // One bit of the signature is another signature.
            var letters = Array(token)
            let place = letters.count - 20
            letters[place] = letters[place] == "A" ? "B" : "A"
            let refused = try house.ask("/bad", bearer: String(letters))
            #expect(refused.status == 401, "\(algorithm)")
            #expect(refused.refusal == "Invalid token")
        }
        // Named after another key, it is nobody's.
        for algorithm in ["ES256", "ES384", "EdDSA", "RS256"] {
            let other = algorithm == "ES256" ? "ES384" : "ES256"
            let token = Self.token(algorithm, Token.claims(), as: other)
            #expect(try house.ask("/bad", bearer: token).status == 401)
        }
        #expect(!house.origin.requests.contains { $0.target == "/bad" })
    }

    @Test func `the list of algorithms binds keys that could do more`() throws {
        let house = try TokenGateway(
            source: "public_key: FOLDER/key.pem, algorithms: [RS256]",
            files: ["key.pem": String(decoding: try #require(Self.keys["RS"]).pem, as: UTF8.self)])
        for algorithm in ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"] {
            let answer = try house.ask(bearer: Self.token(algorithm, Token.claims()))
            #expect(answer.status == (algorithm == "RS256" ? 200 : 401), "\(algorithm)")
        }
    }
}
