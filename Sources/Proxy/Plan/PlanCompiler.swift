import Addressing
import Pipeline
import Settings
import Telemetry
import Time
import Upstream

/// Turns settings into what a worker uses. Settings were checked when they were read: nothing can fail here.
package struct PlanCompiler {
    private let settings: GatewaySettings
    private let registry: MetricRegistry

    package init(_ settings: GatewaySettings, registry: MetricRegistry) {
        self.settings = settings
        self.registry = registry
    }

    /// A plan of its own for each worker: objects that two threads count references to would make them wait
    /// for each other.
    package func plan(for share: WorkerShare) -> GatewayPlan {
        let identity = IdentityPlan(settings.identity, counting: settings.countedClaims)
        let limits = RateLimitTable(settings.limits.map(rule))
        let policies = BrowserPolicies(settings)
        let entries = settings.routes.map { route in
            RouteTable.Entry(
                plan: plan(of: route, identity, policies, limits), path: route.path, hosts: route.hosts,
                methods: MethodSet(route.methods),
                fields: route.headers.map { FieldCondition(name: $0.name, value: $0.value) })
        }
        return GatewayPlan(
            clientAddress: ClientAddressFilter(trusted: settings.trustedProxies),
            addressList: filter(settings.addresses, name: "addresses"), bans: BanPolicy(settings.bans),
            route: RouteFilter(table: RouteTable(entries), cors: policies.cors), limits: limits,
            limitFields: RateLimitFields(settings.rateLimitFields),
            securityHeaders: policies.securityHeaders, clients: settings.clients, identity: identity,
            upstreams: settings.upstreams.map {
                UpstreamPlan($0, slot: registry.upstreamSlot($0.name), share: share)
            }, share: share, redis: settings.redis.target.map(RedisPlan.init))
    }

    private func plan(
        of route: RouteSettings, _ identity: IdentityPlan, _ policies: BrowserPolicies,
        _ limits: RateLimitTable
    ) -> RoutePlan {
        let cors = policies.cors(of: route)
        let maxBody = route.maxBody ?? settings.clients.maxBody
        let rules = route.limits.compactMap { name in settings.limits.firstIndex { $0.name == name } }
        return RoutePlan(
            name: route.name, slot: registry.routeSlot(route.name), target: target(of: route, cors),
            rateLimit: rules.isEmpty && route.calls == nil
                ? nil
                : RateLimitFilter(
                    limits, rules: rules, calls: route.calls.map { CallPlan($0, path: route.path) }),
            bodyLimit: maxBody == 0 ? nil : BodyLimitFilter(limit: maxBody),
            authentication: authentication(of: route, identity),
            signature: route.signed.map { SignatureFilter($0, identity) },
            idempotency: route.idempotency.map { IdempotencyFilter($0, route: route.name) },
            stripPrefix: Array(route.stripPrefix.utf8),
            allowsWebSocket: route.upgrade.contains(.websocket), responseTimeout: route.responseTimeout,
            cors: cors, securityHeaders: policies.securityHeaders(of: route),
            addressList: filter(route.addresses, name: "\(route.name).addresses"))
    }

    private func filter(_ addresses: AddressListSettings, name: String) -> AddressListFilter? {
        addresses.isEmpty ? nil : AddressListFilter(addresses.lists, name: name)
    }

    private func authentication(of route: RouteSettings, _ identity: IdentityPlan) -> AuthenticationFilter? {
        guard route.authentication != .none else { return nil }
        let sources = settings.identity.tokens.enumerated().reduce(UInt64(0)) { bits, source in
            let isTaken = route.tokens.isEmpty || route.tokens.contains(source.element.name)
            return isTaken ? bits | 1 << UInt64(source.offset) : bits
        }
        let credentials = route.credentials.isEmpty ? settings.credentials : route.credentials
        let accepted = credentials.reduce(into: AcceptedCredentials()) { accepted, credential in
            switch credential {
            case .token: accepted.insert(.token)
            case .apiKey: accepted.insert(.apiKey)
            }
        }
        return AuthenticationFilter(
            isRequired: route.authentication == .required, accepted: accepted, plan: identity,
            sources: sources, scopes: route.scopes, roles: route.roles,
            claims: route.claims.map { ($0.name, $0.value) })
    }

    private func target(of route: RouteSettings, _ cors: CORSPolicy?) -> RoutePlan.Target {
        switch route.action {
        case .proxy(let shares):
            var sum: UInt64 = 0
            return .upstreams(
                shares.filter { $0.weight > 0 }.compactMap { share in
                    guard let index = settings.upstreams.firstIndex(where: { $0.name == share.upstream })
                    else { return nil }
                    sum += UInt64(share.weight)
                    return RoutePlan.Share(upstream: index, upTo: sum)
                })
        case .respond(let response):
            let fields = cors?.merged(response.headers) ?? response.headers
            return .fixed(
                RoutePlan.FixedAnswer(
                    status: response.status, body: FixedBody(response.body, fields: fields)))
        }
    }

    private func rule(_ limit: RateLimitSettings) -> RateLimitRule {
        RateLimitRule(
            limit, slot: registry.limitSlot(limit.name), body: limit.body.map { FixedBody($0) })
    }
}

extension FixedBody {
    convenience init(_ body: AnswerBody?, fields: [HeaderField] = []) {
        switch body {
        case .text(let text):
            self.init(bytes: Array(text.utf8), contentType: "text/plain; charset=utf-8", fields: fields)
        case .json(let json):
            self.init(bytes: Array(json.utf8), contentType: "application/json", fields: fields)
        case nil:
            self.init(bytes: [], contentType: "text/plain; charset=utf-8", fields: fields)
        }
    }
}
