import Addressing
import Settings

/// The listener for operators: metrics, state, levers.
package struct AdminSettings: Equatable, Sendable {
    /// Nil is no admin listener.
    package var address: ListenAddress? = .ip(.loopback, port: 9901)
    /// Bearer token; nil asks for none, which only an address of this machine may do.
    package var token: String?

    package init() {}
}

extension AdminSettings {
    package static let section = Section(
        "The listener for operators: metrics, readiness, state.",
        initial: AdminSettings(),
        fields: [
            Field(
                "address", \.address, .optional(.listenAddress, none: "off"), reload: .restart,
                "Where operators connect; any address that other machines reach needs a token.",
                example: "127.0.0.1:9901"),
            Field(
                "token", \.token, .token, visibility: .secret, reload: .live,
                "Bearer token that every request must carry; empty asks for none.",
                example: "\"${ADMIN_TOKEN:-}\""),
        ],
        check: { settings, node, reader in
            guard let address = settings.address, !address.isLocal, settings.token == nil else { return }
            reader.report(
                at: reader.mark(of: reader.path + [.key("address")]),
                "admin.address: other machines reach \(address.text), so a token is required")
        })
}

extension Kind where Value == String? {
    /// Visible ASCII, as a bearer token is sent (RFC 6750 §2.1); empty is none.
    fileprivate static var token: Kind {
        .scalar(
            "a token of 16 to 512 visible characters, or nothing"
        ) { text throws(Refusal) in
            if text.isEmpty { return nil }
            guard text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
                throw Refusal("a token holds no blanks and only ASCII")
            }
            guard (16...512).contains(text.utf8.count) else {
                throw Refusal("a token has 16 to 512 characters")
            }
            return text
        } write: { _ in
            nil
        }
    }
}
