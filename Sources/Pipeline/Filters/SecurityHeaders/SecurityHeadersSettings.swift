import Settings

/// The fields that tell browsers what a page may do.
package struct SecurityHeadersSettings: Equatable, Sendable {
    /// What happens to a field that the backend sent itself.
    package enum Override: String, CaseIterable, Sendable { case keep, replace }

    package var preset: Preset = .helmet
    /// Added to the preset, or instead of its value; in the order of the file.
    package var set: [HeaderField] = []
    /// Names of the preset's fields that are not sent, in lower case.
    package var omit: [String] = []
    /// Names of fields removed from backends' answers, in lower case.
    package var remove = SecurityHeadersSettings.information
    package var override: Override = .keep

    package init() {}

    /// What a route with `security_headers: off` has: nothing is added, and what tells about backends is
    /// removed as everywhere.
    package static let off = {
        var settings = SecurityHeadersSettings()
        settings.preset = .off
        return settings
    }()

    /// Fields by which servers and frameworks tell what they are made of, and their versions.
    private static let information = [
        "server", "x-powered-by", "powered-by", "x-aspnet-version", "x-aspnetmvc-version", "x-generator",
        "x-php-version", "x-powered-by-plesk", "x-powered-cms", "x-runtime", "x-server-powered-by",
        "x-turbo-charged-by", "x-backend-server", "x-cf-powered-by", "x-envoy-upstream-service-time",
        "x-redirect-by", "x-varnish",
    ]
}

extension SecurityHeadersSettings {
    package static let section = Section(
        "Fields of every answer that tell browsers what a page may do.",
        initial: SecurityHeadersSettings(),
        fields: [
            Field(
                "preset", \.preset, .choice, reload: .live,
                "Fields to begin with: helmet's, those of `api`, `web` or `strict`, or none.",
                example: "web"),
            Field(
                "set", \.set, .headers("a map of header names to values", allowsFraming: false),
                reload: .live,
                "Fields added to the preset, or sent with another value.",
                example: "{ X-Frame-Options: DENY }"),
            Field(
                "omit", \.omit, .list(of: .headerName, 0...64), reload: .live,
                "Fields of the preset that are not sent.", example: "[Content-Security-Policy]"),
            Field(
                "remove", \.remove, .list(of: .removableHeader, 0...64), reload: .live,
                "Fields removed from the answers of backends.",
                example: "[Server, X-Powered-By, X-AspNet-Version]"),
            Field(
                "override", \.override, .choice, reload: .live,
                "Whether the backend's own fields are kept or replaced; a CSP with a nonce is always kept.",
                example: "replace"),
        ])
}

extension Kind where Value == String {
    /// A field that an answer can do without.
    fileprivate static var removableHeader: Kind {
        .scalar("a header's name") { text throws(Refusal) in
            try Header.check(name: text)
            guard !Header.isGatewayWritten(text) else {
                throw Refusal("the gateway writes this field itself")
            }
            return text.lowercased()
        } write: {
            YAMLText.scalar($0)
        }
    }
}
