import Foundation
import TestIssuer

/// A key that an issuer publishes: makes tokens of `https://id.example.com` for `app`.
struct PublishedKey {
    let kid: String
    private let pair = IssuerKey.ed25519()

    init(_ kid: String) { self.kid = kid }

    static func set(_ keys: PublishedKey...) -> String {
        let jwks = keys.map { $0.pair.jwk(#","alg":"EdDSA","kid":"\#($0.kid)""#) }
        return #"{"keys":[\#(jwks.joined(separator: ","))]}"#
    }

    /// A token that is good for an hour.
    ///
    /// - Parameter claims: Further members, each with a comma before it.
    func token(subject: String, _ claims: String = "") -> String {
        let now = Int(Date().timeIntervalSince1970)
        let payload =
            #"{"iss":"https://id.example.com","aud":"app","sub":"\#(subject)","#
            + #""exp":\#(now + 3600)\#(claims)}"#
        return pair.token(payload, "EdDSA", header: #","kid":"\#(kid)""#)
    }
}

extension GatewayProcess {
    /// A gateway that knows tokens by the keys at a port of this machine.
    convenience init(keysAt port: UInt16, before origin: ScriptedOrigin, _ identity: String = "") throws {
        try self.init(
            before: origin, route: "auth: required",
            top: """
                identity:
                  tokens:
                    users:
                      issuers: ["https://id.example.com"]
                      audiences: [app]
                      keys: "http://127.0.0.1:\(port)/jwks.json?secret=s3cret"
                      allow_private: true
                \(identity)
                """)
    }

    /// The status of a request with this token, on a connection of its own.
    func status(bearing token: String, _ path: String = "/") throws -> Int {
        try ask(bearing: token, path).status
    }

    func ask(bearing token: String, _ path: String = "/") throws -> RawResponse {
        let client = try client()
        defer { client.close() }
        return try client.ask("GET \(path) HTTP/1.1\r\nHost: here\r\nAuthorization: Bearer \(token)\r\n\r\n")
    }
}
