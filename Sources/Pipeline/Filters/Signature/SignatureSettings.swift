import JWT
import Settings

/// A secret that requests are signed with, by a name that signatures say.
package struct SigningKeySettings: Equatable, Sendable {
    package var name = ""
    package var secret = ""
    /// Good as well: while one replaces the other.
    package var oldSecret: String?

    package init() {}

    /// Those that count.
    var secrets: [[UInt8]] { [secret, oldSecret ?? ""].filter { !$0.isEmpty }.map { Array($0.utf8) } }
}

extension SigningKeySettings {
    package static let section = Section(
        "A secret that requests are signed with (HMAC-SHA256), by the name that `keyId` says.",
        initial: SigningKeySettings(),
        fields: [
            Field(
                "secret", \.secret, .signingSecret, .required, visibility: .secret, reload: .live,
                "The secret, 32 bytes or more.", example: "\"${PARTNER_SECRET}\""),
            Field(
                "old_secret", \.oldSecret, .optional(.signingSecret), visibility: .secret, reload: .live,
                "One that is good as well, while the other takes its place; empty is none.",
                example: "\"${PARTNER_OLD_SECRET:-}\""),
        ],
        check: { settings, node, reader in
            for (key, secret) in [("secret", settings.secret), ("old_secret", settings.oldSecret ?? "")] {
                guard node.has(key), secret.utf8.count < SigningSecret.shortest,
                    key == "secret" || !secret.isEmpty
                else { continue }
                reader.report(
                    at: reader.mark(of: reader.path + [.key(key)]),
                    "\(reader.path.text): \(key) is shorter than \(SigningSecret.shortest) bytes: "
                        + "openssl rand -base64 32 makes one")
            }
        })
}

extension Kind where Value == String {
    fileprivate static var signingSecret: Kind { .text("a secret of 32 bytes or more", maxLength: 4096) }
}

/// What a route asks of its requests' signatures.
package struct SignedSettings: Equatable, Sendable {
    /// What becomes of a request while nobody can say whether its nonce was seen.
    package enum StoreFallback: String, CaseIterable, Sendable {
        /// This gateway's own memory is asked.
        case local
        /// 503.
        case refuse
    }

    /// Names of signing keys; empty for all.
    package var keys: [String] = []
    package var window = Duration.seconds(300)
    /// Bytes of a body that is held for its signature.
    package var maxBody = 1 << 20
    package var onStoreError = StoreFallback.local

    package init() {}

    package static let section = Section(
        "Requests that must be signed (X-Signature): method, target, body, time and a nonce, by HMAC-SHA256.",
        initial: SignedSettings(),
        fields: [
            Field(
                "keys", \.keys, .list(of: .name(of: "a signing key"), 0...64), reload: .live,
                "Keys of `identity.signing_keys` that count here; all without it.", example: "[partner]"),
            Field(
                "window", \.window, .duration(.seconds(1)...(.seconds(3600))), reload: .live,
                "How far a signature's time may be from ours; as long nonces are remembered.",
                example: "60s"),
            Field(
                "max_body", \.maxBody, .bytes(0...(16 << 20)), reload: .live,
                "Longest body: it is held until its signature was checked; 413 beyond.", example: "64KiB"),
            Field(
                "on_store_error", \.onStoreError, .choice, reload: .live,
                "Nonces while Redis is away: by this gateway's memory alone (local), or 503 (refuse).",
                example: "refuse"),
        ])
}
