import Bytes
import HTTPModel
import Settings

/// Who may ask: tokens that are believed, and what backends are told of whom they identify.
package struct IdentitySettings: Equatable, Sendable {
    /// In the order of the file; names are unique.
    package var tokens: [TokenSettings] = []
    /// Nil where no API keys are taken.
    package var apiKeys: APIKeySettings?
    /// In the order of the file; names are unique.
    package var signingKeys: [SigningKeySettings] = []
    /// Field that tells backends the plan of whoever asks.
    package var planHeader = "X-User-Plan"
    /// The plan of users whom nothing else gives one; nil for none.
    package var defaultPlan: String?
    /// Where plans are asked for that no token tells; nil for nowhere.
    package var planLookup: PlanLookupSettings?
    /// Verified tokens that each worker remembers.
    package var cache = 4096

    package init() {}
}

extension IdentitySettings {
    package static let section = Section(
        "Who asks: tokens and keys that are verified here, without a call to whoever has issued them.",
        initial: IdentitySettings(),
        fields: [
            Field(
                "tokens", \.tokens, TokenSettings.section.named(\.name, limit: 32), reload: .live,
                "Issuers of JSON Web Tokens (RFC 7519), by a name for logs; routes with `auth` take any.",
                example:
                    "{ users: { issuers: [https://id.test], keys: https://id.test/jwks } }"
            ),
            Field(
                "api_keys", \.apiKeys, .optional(APIKeySettings.section.kind()), reload: .live,
                "Keys of machines; routes with `auth` take them beside tokens. `{}` for all defaults.",
                example: "{ file: Config/keys.json }"),
            Field(
                "signing_keys", \.signingKeys, SigningKeySettings.section.named(\.name, limit: 64),
                reload: .live,
                "Secrets that requests are signed with, by name; routes with `signed` ask for them.",
                example: "{ partner: { secret: \"${PARTNER_SECRET}\" } }"),
            Field(
                "plan_header", \.planHeader, .identityHeader, reload: .live,
                "Field that tells backends the plan of whoever asks; what clients send in it is removed.",
                example: "X-User-Plan"),
            Field(
                "plan_lookup", \.planLookup, .optional(PlanLookupSettings.section.kind()), reload: .live,
                "A backend that knows the plans of users whose tokens tell none.",
                example: "{ url: \"http://127.0.0.1:3000/plan?user={sub}\", allow_private: true }"),
            Field(
                "default_plan", \.defaultPlan, .optional(.planName), reload: .live,
                "The plan of users whom neither token, key nor backend gives one; none without it.",
                example: "free"),
            Field(
                "cache", \.cache, .count(0...1_000_000), reload: .live,
                "Verified tokens, and keys, that a worker remembers; tokens for 5 minutes; 0 for none.",
                example: "20000"),
        ],
        check: { settings, node, reader in settings.finish(node, &reader) })

    /// Two lines of one name would tell backends two things.
    private func finish(_ node: DocumentNode, _ reader: inout Reader) {
        for source in tokens {
            let isTaken = source.fields.contains { $0.name.lowercased() == planHeader.lowercased() }
            guard isTaken else { continue }
            let place = reader.path + [.key("tokens"), .key(source.name), .key("headers")]
            reader.report(
                at: reader.mark(of: place),
                "\(place.text): \(planHeader) is the field of plan_header: name the claim as `plan`, or "
                    + "another field there")
        }
    }
}

extension Kind where Value == String {
    /// A field that the gateway alone may write: one that it knows otherwise would say two things.
    package static var identityHeader: Kind {
        .scalar("a header's name such as X-User-Id") { text throws(Refusal) in
            try IdentityHeader.check(text)
            return text
        } write: {
            YAMLText.scalar($0)
        }
    }

    /// The name of a plan, as tokens and limits write it.
    package static var planName: Kind {
        .text(PlanName.words, maxLength: PlanName.longest) { text throws(Refusal) in
            guard PlanName.accepts(text) else { throw Refusal() }
        }
    }
}

/// Names of plans.
enum PlanName {
    static let words = "a plan's name of 1 to 64 visible characters"
    static let longest = 64

    static func accepts(_ text: String) -> Bool {
        (1...longest).contains(text.utf8.count)
            && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != 0x22 }
    }
}

/// Names of fields by which backends are told who asks.
enum IdentityHeader {
    static func check(_ name: String) throws(Refusal) {
        try Header.check(name: name)
        // CGI and its heirs read `_`, `.` and `-` alike: a client's X-User-Id would pass for X_User_Id.
        guard !name.contains(where: { $0 == "_" || $0 == "." }) else {
            throw Refusal("backends take `_` and `.` in a header's name for `-`: write `-`")
        }
        guard name.lowercased().hasPrefix("x-"), !name.lowercased().hasPrefix("x-forwarded-"),
            !Header.isGatewayWritten(name), !hasMeaning(name)
        else {
            throw Refusal("the name of an identity header begins with X- and is no field of another meaning")
        }
    }

    /// Fields that the gateway knows, or that it never lets through.
    private static func hasMeaning(_ name: String) -> Bool {
        Array(name.utf8).withView { bytes in
            let known = FieldName(lowercasing: bytes)
            return known != .other || FieldRules.isFrameworkInternal(known, bytes)
        }
    }
}
