import Addressing
import JSON
import JWT
import Settings

/// One issuer of tokens: what its tokens look like, what they are verified with, and what is made of them.
package struct TokenSettings: Equatable, Sendable {
    package var name = ""
    /// Exact values of `iss`.
    package var issuers: [String] = []
    package var audiences: [String] = []
    /// Empty for those that the keys are for.
    package var algorithms: [Algorithm] = []
    /// Where the public keys are: an https URL, or a file.
    package var keys: KeyPlace?
    /// Whether `keys` may lead to an address of a private network.
    package var allowsPrivateKeys = false
    /// PEM file of the authorities that the keys' server is verified by; nil are the system's.
    package var authorities: String?
    package var secret: String?
    package var secretCoding: SecretCoding = .text
    /// PEM file of a public key or a certificate.
    package var publicKey: String?
    package var leeway: Duration = .seconds(60)
    package var requiresExpiry = true
    package var maximumAge: Duration?
    package var type: String?
    /// Name of the cookie that browsers keep the token in; of one that is cut into pieces (`name.0`,
    /// `name.1`) without the number.
    package var cookie: String?
    /// Name of the query parameter that a WebSocket's request may carry the token in.
    package var query: String?
    /// Names of fields, and paths of the claims that they tell backends.
    package var fields: [HeaderField] = [HeaderField("X-User-Id", "sub")]
    /// Paths of claims.
    package var plan: String?
    package var scopes = "scope"
    package var roles = "roles"
    /// Paths of claims that must be there, and their values.
    package var claims: [HeaderField] = []
    /// Whether backends get the Authorization field as the client sent it.
    package var forwards = true
    /// What the files hold; read with the settings.
    package var material = TokenMaterial()

    package enum KeyPlace: Equatable, Sendable {
        case url(HTTPURL)
        case file(String)
    }

    /// How a secret is written.
    package enum SecretCoding: String, CaseIterable, Sendable { case text, base64 }

    package init() {}
}

/// What the key files of an issuer hold.
package struct TokenMaterial: Equatable, Sendable {
    package var publicKey: [UInt8] = []
    package var keySet: [UInt8] = []
    package var authorities: [UInt8] = []

    package init() {}
}
