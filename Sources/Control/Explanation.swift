import Addressing
import Bytes
import HTTP1
import HTTPModel
import Pipeline
import Proxy
import Reactor
import Settings
import Stores
import Telemetry
import Time
import Upstream

/// What a request would meet, told stage by stage, without sending anything.
package struct Explanation {
    let settings: GatewaySettings

    /// What tokens are held against.
    private let now: WallTime

    package init(_ settings: GatewaySettings, now: WallTime = SystemClock.wallTime()) {
        self.settings = settings
        self.now = now
    }

    package enum Failure: Error, CustomStringConvertible {
        case notARequest(String)

        package var description: String {
            switch self {
            case .notARequest(let reason): "that is no request: \(reason)"
            }
        }
    }

    /// The story of `method target`, from `client`, with these fields.
    package func text(
        method: String, target: String, client: IPAddress, fields: [(name: String, value: String)]
    ) throws(Failure) -> String {
        let bytes = try head(method, target, fields)
        var parsed = RequestHead()
        let result: Result<Int?, HeadError> = bytes.withView { view in
            var parser = RequestParser(limits: HeadLimits(maximumBytes: settings.clients.maxHead))
            do throws(HeadError) { return .success(try parser.parse(view, into: &parsed)) } catch {
                return .failure(error)
            }
        }
        switch result {
        case .failure(let error):
            return "refused with \(error.status) before any stage: \(error.detail)\n"
        case .success(nil):
            throw .notARequest("its head is not complete")
        case .success:
            return bytes.withView { story(&parsed, bytes: $0, client: client) }
        }
    }

    private func head(
        _ method: String, _ target: String, _ fields: [(name: String, value: String)]
    ) throws(Failure) -> [UInt8] {
        var text = "\(method) \(target) HTTP/1.1\r\n"
        if !fields.contains(where: { $0.name.lowercased() == "host" }) { text += "Host: localhost\r\n" }
        for field in fields { text += "\(field.name): \(field.value)\r\n" }
        text += "\r\n"
        guard !method.isEmpty, !target.contains(" ") else {
            throw .notARequest("a method and a target, without spaces")
        }
        return Array(text.utf8)
    }

    private func story(_ head: inout RequestHead, bytes: ByteView, client: IPAddress) -> String {
        var pool = BufferPool()
        var tables = FieldTablePool()
        var buffer = pool.take(holding: bytes.count * 2)
        buffer.append(bytes)
        var parsed = RequestHead()
        swap(&parsed, &head)
        var exchange = ExchangeState(
            head: parsed, buffer: buffer, peer: client, isEncrypted: false, localPort: nil)
        let plan = PlanCompiler(settings, registry: MetricRegistry()).plan(for: WorkerShare(index: 0, of: 1))
        var lines: [String] = []

        _ = plan.clientAddress.decide(&exchange)
        let trust =
            exchange.peerIsTrusted
            ? "the peer \(client) is a trusted proxy"
            : "the peer itself, its forwarded fields are not believed"
        lines.append("clientAddress  \(exchange.client) (\(trust))")
        lines.append("requestID      \(describeIdentity(exchange.head, trusted: exchange.peerIsTrusted))")
        let redirects = settings.listeners.compactMap(\.redirection)
        if !redirects.isEmpty { lines.append("secureRedirect \(redirects.joined(separator: ", "))") }
        let verdict = plan.route.decide(&exchange, isReady: true)
        let route = settings.routes.first { $0.name == exchange.plan?.name.view.text() }
        let policy = exchange.plan == nil ? plan.route.cors : exchange.plan?.cors
        let browsers = describeCORS(of: route, policy, origin: exchange.origin)
        switch verdict {
        case .respond(let response):
            if case .preflight = response.content {
                lines.append("preflight      \(response.status), though no route leads here")
            } else {
                lines.append("route          none: \(response.status) \(response.detail)")
            }
            lines += browsers
        case .next, .ask, .replay:
            lines.append("path           \(exchange.path.text())")
            guard let route else { break }
            lines.append("route          \(route.name) (path \(route.path.text))")
            lines += browsers
            if case .respond(let response) = PreflightFilter.decide(exchange, policy) {
                lines.append("preflight      \(response.status), by the gateway; no later stage is asked")
            } else {
                lines += describe(route, path: exchange.path.text(), client: exchange.client)
            }
            if let filter = exchange.plan?.authentication {
                lines.append("token          \(judge(&exchange, filter, plan.identity, now))")
            }
            lines += limitKeys(of: exchange, plan)
        }
        exchange.giveBack(to: &pool, &tables)
        return lines.joined(separator: "\n") + "\n"
    }

    /// What the token would get. Nothing of it is told: what is shown here may be passed on.
    private func judge(
        _ exchange: inout ExchangeState, _ filter: AuthenticationFilter, _ plan: IdentityPlan, _ now: WallTime
    ) -> String {
        var authenticator = Authenticator(plan, seed: (0, 0))
        let decision = filter.decide(
            &exchange, &authenticator, revocations: SharedTable(.revocations),
            keys: SharedTable(.apiKeys), now: now)
        switch decision.verdict {
        case .next:
            return exchange.identity.map { "accepted, of \($0.issuer.view.text())" } ?? "none that counts"
        case .respond(let response):
            return "\(response.status) \(response.error.map { "\($0): " } ?? "")\(response.detail)"
        case .ask, .replay: return "its key is at a URL, which a running gateway fetches"
        }
    }

    private func describeIdentity(_ head: borrowing RequestHead, trusted: Bool) -> String {
        let id =
            trusted && head.fields.contains(.xRequestID)
            ? "X-Request-Id taken over" : "X-Request-Id made here"
        let trace = head.value(of: .traceparent).map(TraceContext.isValid) ?? false
        return "\(id), traceparent \(trace ? "passed on" : "begun here")"
    }

    /// What the lists of addresses say of the client: nothing where there are none.
    private func describeLists(of route: RouteSettings, _ client: IPAddress) -> [String] {
        [("addresses", settings.addresses), ("\(route.name).addresses", route.addresses)].compactMap {
            name, addresses in
            guard !addresses.isEmpty else { return nil }
            switch AddressListFilter(addresses.lists, name: name).refusal(of: client) {
            case .denied: return "addressList    403: \(client) is in \(name).deny"
            case .notAllowed: return "addressList    403: \(client) is not in \(name).allow"
            case nil: return "addressList    served, as far as \(name) says"
            }
        }
    }

    private func describe(_ route: RouteSettings, path: String, client: IPAddress) -> [String] {
        var lines = [describeSecurityHeaders(of: route)]
        lines += describeLists(of: route, client)
        if route.limits.isEmpty { lines.append("rateLimit      none") }
        let limits = route.limits.compactMap { name in settings.limits.first { $0.name == name } }
        lines += limits.filter { !$0.needsIdentity }.map { "rateLimit      \($0.name): \($0.words)" }
        let maxBody = route.maxBody ?? settings.clients.maxBody
        lines.append("bodyLimit      \(maxBody == 0 ? "none" : "\(maxBody) bytes")")
        if route.authentication != .none { lines.append("authentication \(describeAccess(of: route))") }
        lines += limits.filter(\.needsIdentity).map { "userRateLimit  \($0.name): \($0.words)" }
        if let signed = route.signed {
            let keys = signed.keys.isEmpty ? settings.identity.signingKeys.map(\.name) : signed.keys
            lines.append(
                "signature      by \(keys.joined(separator: " or ")), "
                    + "within \(Quantity.text(signed.window)), "
                    + "a body of \(signed.maxBody) bytes at most")
        }
        if let idempotency = route.idempotency { lines.append("idempotency    \(describe(idempotency))") }
        switch route.action {
        case .respond(let response):
            lines.append("fixedAnswer    \(response.status), by the gateway")
        case .proxy(let shares):
            let total = shares.reduce(0) { $0 + $1.weight }
            for share in shares {
                guard let upstream = settings.upstreams.first(where: { $0.name == share.upstream }) else {
                    continue
                }
                lines.append(describe(upstream, share: share.weight, of: total))
            }
            if !route.stripPrefix.isEmpty { lines.append("strip_prefix   \(route.stripPrefix)") }
            let timeout = route.responseTimeout ?? settings.responseTimeout(of: shares)
            lines.append("response in    \(Quantity.text(timeout))")
            if route.upgrade.contains(.websocket) { lines.append("upgrade        websocket") }
        }
        if let feature = route.feature { lines.append("feature        \(feature)") }
        return lines
    }

    private func describe(_ settings: IdempotencySettings) -> String {
        let methods = settings.methods.map(\.rawValue).joined(separator: ", ")
        let holder =
            switch settings.holder {
            case .user: "each user, else each client address"
            case .ip: "each client address"
            }
        return "\(methods): a key is \(settings.required ? "needed" : "taken"), for \(holder); body up to "
            + "\(Quantity.text(bytes: settings.maxBody)), answers up to "
            + "\(Quantity.text(bytes: settings.maxAnswer)) replayed for \(Quantity.text(settings.ttl))"
    }

    private func describeAccess(of route: RouteSettings) -> String {
        let sources = route.tokens.isEmpty ? settings.identity.tokens.map(\.name) : route.tokens
        let credentials = route.credentials.isEmpty ? settings.credentials : route.credentials
        let taken = credentials.map { credential in
            switch credential {
            case .token: "tokens of \(sources.joined(separator: ", "))"
            case .apiKey: "API keys"
            }
        }
        var words = ["\(route.authentication.rawValue): \(taken.joined(separator: " or "))"]
        if !route.scopes.isEmpty { words.append("scopes \(route.scopes.joined(separator: " and "))") }
        if !route.roles.isEmpty { words.append("a role of \(route.roles.joined(separator: ", "))") }
        words += route.claims.map { "\($0.name) \($0.value)" }
        return words.joined(separator: "; ")
    }

    private func describe(_ upstream: UpstreamSettings, share: Int, of total: Int) -> String {
        let percent = total > share ? " (\(share * 100 / max(1, total)) % of requests)" : ""
        let servers = upstream.servers.map(\.text).joined(separator: ", ")
        let balance = upstream.servers.count > 1 ? ", \(upstream.balance.rawValue)" : ""
        let ways = [
            upstream.tls.map { describe($0, servers: upstream.servers.count) }, upstream.version.note,
        ]
        let way = ways.compactMap(\.self).joined(separator: ", ")
        let line = "upstream       \(upstream.name)\(percent): \(servers)\(balance)"
        return way.isEmpty ? line : "\(line); \(way)"
    }

    private func describe(_ tls: UpstreamTLSSettings, servers: Int) -> String {
        let shown = tls.certificate.map { ", shows \($0)" } ?? ""
        guard tls.verify else { return "https, not verified\(shown)" }
        let authorities = tls.authorities ?? "the system's authorities"
        let name = tls.name ?? "\(servers > 1 ? "each" : "the") server's own name"
        return "https, verified by \(authorities) for \(name)\(shown)"
    }
}

extension UpstreamSettings.Version {
    /// What is worth a word: nil where servers are spoken to as usual.
    fileprivate var note: String? {
        switch self {
        case .http11: nil
        case .http2: "h2"
        }
    }
}

extension ListenerSettings {
    /// Whom it sends where; nil where it serves.
    fileprivate var redirection: String? {
        switch redirect {
        case .off: nil
        case .https(443): "at \(address.text): 308 to https"
        case .https(let port): "at \(address.text): 308 to https:\(port)"
        }
    }
}

extension GatewaySettings {
    fileprivate func responseTimeout(of shares: [RouteSettings.Share]) -> Duration {
        let named = upstreams.filter { upstream in shares.contains { $0.upstream == upstream.name } }
        return named.map(\.responseTimeout).min() ?? .zero
    }
}
