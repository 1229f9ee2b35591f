import Settings
import TLS

/// TLS to an upstream's servers.
package struct UpstreamTLSSettings: Equatable, Sendable {
    /// PEM file of the authorities that are trusted; nil are the system's.
    package var authorities: String?
    /// The name that certificates must be for and that servers are told; nil is each server's own.
    package var name: String?
    package var verify = true
    /// PEM files of a certificate to show, and its key.
    package var certificate: String?
    package var key: String?
    /// What the files hold; read with the settings.
    package var material = ClientMaterial()

    package init() {}
}

extension UpstreamTLSSettings {
    package static let section = Section(
        "TLS to an upstream's servers; servers that are written as https:// have it without a word.",
        initial: UpstreamTLSSettings(),
        fields: [
            Field(
                "authorities", \.authorities, .optional(.text("a file's path", maxLength: 4096)),
                reload: .live,
                "PEM file of the authorities that are trusted; the system's without it.",
                example: "Certs/authority.pem"),
            Field(
                "name", \.name,
                .optional(
                    .text("a host's name", maxLength: 253) { text throws(Refusal) in
                        guard Endpoint.isHostName(text) else { throw Refusal("no valid host name") }
                    }), reload: .live,
                "The name that certificates must be for; each server's own without it.",
                example: "video.internal"),
            Field(
                "verify", \.verify, .bool, reload: .live,
                "Whether certificates are verified. Off, anybody on the way can read and change everything.",
                example: "true"),
            Field(
                "certificate", \.certificate, .optional(.text("a file's path", maxLength: 4096)),
                reload: .live,
                "PEM file of a certificate that servers are shown.", example: "Certs/gateway.pem"),
            Field(
                "key", \.key, .optional(.text("a file's path", maxLength: 4096)), reload: .live,
                "PEM file of its private key.", example: "Certs/gateway.key"),
        ],
        check: { settings, node, reader in
            if !settings.verify {
                reader.report(
                    .warning, at: node.mark,
                    "\(reader.path.text): verify is off: whoever is between may change everything"
                )
            }
        })
}
