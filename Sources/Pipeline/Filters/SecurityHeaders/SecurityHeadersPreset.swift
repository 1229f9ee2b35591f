import Settings

extension SecurityHeadersSettings {
    package enum Preset: String, CaseIterable, Sendable {
        /// The fields and values that helmet sends by default.
        case helmet
        /// Answers for programs, which no browser should ever show.
        case api
        /// Pages that load from elsewhere, open popups and are embedded by their own site.
        case web
        /// Pages that load from their own host alone and are embedded nowhere.
        case strict
        case off
    }
}

extension SecurityHeadersSettings.Preset {
    var fields: [HeaderField] {
        switch self {
        case .helmet: Self.helmetFields
        case .api: Self.apiFields
        case .web: Self.webFields
        case .strict: Self.strictFields
        case .off: []
        }
    }

    /// Whether a Content-Security-Policy goes with pages alone. Of `api` and `strict` it goes with every
    /// answer: what a backend labels wrongly, and images that hold scripts, are bound too.
    var sendsPolicyWithPagesAlone: Bool {
        switch self {
        case .helmet, .web, .off: true
        case .api, .strict: false
        }
    }

    private static let noSniffing = HeaderField("X-Content-Type-Options", "nosniff")
    private static let oneYear = HeaderField(
        "Strict-Transport-Security", "max-age=31536000; includeSubDomains")

    private static let helmetFields = [
        HeaderField(
            "Content-Security-Policy",
            "default-src 'self';base-uri 'self';font-src 'self' https: data:;form-action 'self';"
                + "frame-ancestors 'self';img-src 'self' data:;object-src 'none';script-src 'self';"
                + "script-src-attr 'none';style-src 'self' https: 'unsafe-inline';upgrade-insecure-requests"),
        HeaderField("Cross-Origin-Opener-Policy", "same-origin"),
        HeaderField("Cross-Origin-Resource-Policy", "same-origin"),
        HeaderField("Origin-Agent-Cluster", "?1"),
        HeaderField("Referrer-Policy", "no-referrer"),
        oneYear,
        noSniffing,
        HeaderField("X-DNS-Prefetch-Control", "off"),
        HeaderField("X-Download-Options", "noopen"),
        HeaderField("X-Frame-Options", "SAMEORIGIN"),
        HeaderField("X-Permitted-Cross-Domain-Policies", "none"),
        HeaderField("X-XSS-Protection", "0"),
    ]

    /// Nothing in an answer may run or be framed. `same-site`: an app's own pages embed images of its API's
    /// host; CORS, not this field, says who may read the answers.
    private static let apiFields = [
        HeaderField("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
        HeaderField("Cross-Origin-Resource-Policy", "same-site"),
        HeaderField("Referrer-Policy", "no-referrer"),
        oneYear,
        noSniffing,
        HeaderField("X-Frame-Options", "DENY"),
    ]

    /// What breaks no page that works: scripts, styles and images may come from anywhere, popups for signing
    /// in and paying stay connected, and only the path is kept from other sites' Referer.
    private static let webFields = [
        HeaderField(
            "Content-Security-Policy", "base-uri 'self'; frame-ancestors 'self'; object-src 'none'"),
        HeaderField("Cross-Origin-Opener-Policy", "same-origin-allow-popups"),
        HeaderField("Cross-Origin-Resource-Policy", "same-site"),
        HeaderField("Origin-Agent-Cluster", "?1"),
        HeaderField("Referrer-Policy", "strict-origin-when-cross-origin"),
        oneYear,
        noSniffing,
        HeaderField("X-Frame-Options", "SAMEORIGIN"),
        HeaderField("X-Permitted-Cross-Domain-Policies", "none"),
    ]

    private static let strictFields = [
        HeaderField(
            "Content-Security-Policy",
            "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
                + "object-src 'none'; upgrade-insecure-requests"),
        HeaderField("Cross-Origin-Opener-Policy", "same-origin"),
        HeaderField("Cross-Origin-Resource-Policy", "same-origin"),
        HeaderField("Origin-Agent-Cluster", "?1"),
        HeaderField(
            "Permissions-Policy",
            "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()"),
        HeaderField("Referrer-Policy", "no-referrer"),
        HeaderField("Strict-Transport-Security", "max-age=63072000; includeSubDomains"),
        noSniffing,
        HeaderField("X-DNS-Prefetch-Control", "off"),
        HeaderField("X-Frame-Options", "DENY"),
        HeaderField("X-Permitted-Cross-Domain-Policies", "none"),
        HeaderField("X-XSS-Protection", "0"),
    ]
}
