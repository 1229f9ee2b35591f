import Bytes
import Telemetry

/// Who asks, as a token or a key has shown. Immutable, and this worker's own: counting references to it never
/// makes two cores wait for each other.
package final class Identity: Sendable {
    package enum Credential: Sendable {
        case token
        case apiKey
    }

    package let credential: Credential
    /// The user, or the owner of a key: what limits by user count and the log names. Unique within an issuer;
    /// empty where a token has none.
    package let subject: PinnedText
    /// The API key that was shown; nil for a token.
    package let keyID: PinnedText?
    /// Claims that limits count by, as far as the token has them.
    package let countedClaims: [CountedClaim]
    /// Who has vouched for the subject: the token source's name, or `api_keys`.
    package let issuer: PinnedText
    /// The plan that the subject is on; nil where the credential says none.
    package let plan: PinnedText?
    package let scopes: [[UInt8]]
    package let roles: [[UInt8]]
    /// Complete field lines that tell the backend who asks, each with its CRLF.
    package let fieldLines: [UInt8]
    /// The beginning of the line that tells backends a plan which is looked up; empty where none is.
    package let planLine: [UInt8]
    /// What clients may not send, by the settings that the lines were written by.
    package let stripped: StrippedFields

    package init(
        _ credential: Credential, subject: String, issuer: PinnedText, plan: String? = nil,
        scopes: [[UInt8]] = [], roles: [[UInt8]] = [], fieldLines: [UInt8] = [],
        stripped: StrippedFields = StrippedFields([]), planLine: [UInt8] = [], keyID: String? = nil,
        countedClaims: [CountedClaim] = []
    ) {
        self.credential = credential
        self.subject = PinnedText(subject)
        self.issuer = issuer
        self.plan = plan.map(PinnedText.init)
        self.scopes = scopes
        self.roles = roles
        self.fieldLines = fieldLines
        self.stripped = stripped
        self.planLine = planLine
        self.keyID = keyID.map(PinnedText.init)
        self.countedClaims = countedClaims
    }

    /// The value of a claim that limits count by; nil where the token has none.
    package func countedClaim(_ path: ByteView) -> ByteView? {
        for claim in countedClaims where claim.path.view.equals(path) { return claim.value.view }
        return nil
    }

    /// Whether the subject has every one of `wanted`.
    package func hasScopes(_ wanted: [[UInt8]]) -> Bool { wanted.allSatisfy(scopes.contains) }

    /// Whether the subject has one of `wanted`, or none is wanted.
    package func hasRole(of wanted: [[UInt8]]) -> Bool {
        wanted.isEmpty || wanted.contains(where: roles.contains)
    }
}

/// A claim that limits count by, and what the token says in it.
package struct CountedClaim: Sendable {
    let path: PinnedText
    let value: PinnedText

    package init(path: PinnedText, value: PinnedText) {
        self.path = path
        self.value = value
    }
}
