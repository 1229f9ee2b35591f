import Settings

/// One route: what it matches and what becomes of the request.
package struct RouteSettings: Equatable, Sendable {
    /// An upstream and its share of the route's requests.
    package struct Share: Hashable, Sendable {
        package var upstream: String
        /// 0 to 1,000,000; 0 gets nothing.
        package var weight: Int

        package init(upstream: String, weight: Int = 1) {
            self.upstream = upstream
            self.weight = weight
        }
    }

    /// An answer that the gateway gives itself.
    package struct Response: Equatable, Sendable {
        /// 200 to 599.
        package var status = 200
        package var body: AnswerBody?
        package var headers: [HeaderField] = []

        package init() {}
    }

    package enum Action: Equatable, Sendable {
        /// At least one share with a weight above 0.
        case proxy([Share])
        case respond(Response)
    }

    /// What may show who a client is.
    package enum Credential: String, CaseIterable, Sendable {
        case token
        case apiKey = "api_key"
    }

    /// Protocols that a client may switch to.
    package enum Upgrade: String, CaseIterable, Sendable { case websocket }

    /// For logs, metrics and refusals. Unique; where the file gives none, the path, `#2` and so on behind it.
    package var name = ""
    package var path: PathPattern = .prefix("")
    /// Upper-case tokens; empty is any method. GET includes HEAD.
    package var methods: [String] = []
    /// Lower case, without port; empty is any host.
    package var hosts: [HostPattern] = []
    /// Request fields that must be present with exactly these values.
    package var headers: [HeaderField] = []
    package var action: Action = .proxy([])
    /// Removed from the front of the path before it is sent on; without a slash at its end, empty for
    /// nothing.
    package var stripPrefix = ""
    /// Who is served here, beside what holds for the whole gateway.
    package var addresses = AddressListSettings()
    /// Names of limits, asked in this order.
    package var limits: [String] = []
    /// How requests are counted that carry several calls; nil counts each request once.
    package var calls: CallSettings?
    package var authentication = AuthenticationDemand.none
    /// What shows who a client is; empty for whatever the settings know.
    package var credentials: [Credential] = []
    /// Names of the token sources that are believed; empty for all.
    package var tokens: [String] = []
    /// All of them are needed.
    package var scopes: [String] = []
    /// One of them is needed.
    package var roles: [String] = []
    /// Paths of claims that must be there, and their values.
    package var claims: [HeaderField] = []
    /// Nil where requests need no signature.
    package var signed: SignedSettings?
    /// Nil where an Idempotency-Key means nothing to the gateway.
    package var idempotency: IdempotencySettings?
    /// Bytes of a request's body; nil is the clients' limit, 0 is no limit.
    package var maxBody: Int?
    /// Instead of the upstream's.
    package var responseTimeout: Duration?
    package var upgrade: [Upgrade] = []
    package var cors: RouteOwn<CORSSettings> = .inherited
    package var securityHeaders: RouteOwn<SecurityHeadersSettings> = .inherited
    /// The feature that the route serves.
    package var feature: String?

    package init() {}
}

/// The host that a route asks for.
package enum HostPattern: Hashable, Sendable {
    case exact(String)
    /// `*.example.com` is `example.com` here: any name with one label or more before it, not the name itself.
    case subdomains(of: String)
}

/// The path that a route asks for, compared with the normalised path.
package enum PathPattern: Hashable, Sendable {
    case exact(String)
    /// `/api/*` is `/api` here: it matches `/api` itself and everything below `/api/`, not `/apis`. `/*` is
    /// empty.
    case prefix(String)
    /// With at least one `{name}`: `/users/{id}/avatar`.
    case segments([Segment])

    package enum Segment: Hashable, Sendable {
        case literal(String)
        /// One whole segment, not empty.
        case any(name: String)
        /// `*` at the end: nothing more, or anything more. Always last.
        case rest
    }
}
