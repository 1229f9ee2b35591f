import Bytes
import HTTPModel
import JSON
import JWT
import Telemetry
import Time

/// Whether a route asks who its clients are.
package enum AuthenticationDemand: String, CaseIterable, Sendable {
    /// Only who is known gets through.
    case required
    /// Who shows a credential must show a good one.
    case optional
    case none
}

/// What a route believes.
package struct AcceptedCredentials: OptionSet, Sendable {
    package let rawValue: UInt8

    package init(rawValue: UInt8) { self.rawValue = rawValue }

    package static let token = AcceptedCredentials(rawValue: 1)
    package static let apiKey = AcceptedCredentials(rawValue: 2)
}

/// Asks who a request comes from, and whether the route is for them. The credential is verified here: no
/// service is called for it.
package struct AuthenticationFilter: Sendable {
    /// A claim that a route wants, with its value.
    package struct ClaimRule: Sendable {
        let path: JSONPath
        let value: [UInt8]
    }

    package let isRequired: Bool
    let accepted: AcceptedCredentials
    /// Compiled together with the route. The authenticator may have gone on to a newer one meanwhile.
    let plan: IdentityPlan
    /// Which of `plan`'s sources the route believes, by a bit each.
    let sources: UInt64
    let scopes: [[UInt8]]
    let roles: [[UInt8]]
    let claims: [ClaimRule]
    /// WWW-Authenticate for who is known and may not.
    let insufficient: PinnedText

    /// How long keys may be waited for that are not known yet.
    package static let keyBudget = Duration.seconds(2)

    package func decide(
        _ exchange: inout ExchangeState, _ authenticator: inout Authenticator,
        revocations: some RevocationTable, keys: some APIKeyTable, now: WallTime, with answer: Answer? = nil
    ) -> (verdict: Verdict, result: AuthenticationResult) {
        // Who asks was settled before their plan was asked for.
        if case .plan(let plan) = answer {
            exchange.lookedUpPlan = plan ?? authenticator.plan.defaultPlanName
            return (.next, .accepted)
        }
        // A key comes before a token: who has one is a machine, whatever else its request carries along.
        if accepted.contains(.apiKey), let plan = authenticator.plan.keys,
            let found = APIKeyFinder.find(exchange.head, plan)
        {
            return decide(&exchange, found, &authenticator, keys, now)
        }
        let believed = believed(of: authenticator.plan)
        guard accepted.contains(.token), let found = find(exchange, authenticator, believed) else {
            return isRequired ? (.respond(.missing(accepted)), .missing) : (.next, .anonymous)
        }
        switch authenticator.recognise(found.token, among: believed, revocations: revocations, now: now) {
        case .known(let token):
            exchange.identity = token.identity
            exchange.hidesAuthorization =
                found.place == .authorization && !authenticator.plan.sources[token.source].forwards
            if let refusal = forbids(token.identity, claims: token.claims) {
                return (.respond(refusal), .forbidden)
            }
            if !token.identity.planLine.isEmpty, !exchange.hasAskedForPlan,
                let budget = authenticator.plan.planBudget
            {
                exchange.hasAskedForPlan = true
                return (.ask(.plan, within: budget), .waiting)
            }
            return (.next, .accepted)
        case .refused(let error, let source):
            // Keys that are not known yet may be on their way; asked for once, whatever comes of it.
            if answer == nil, let source, authenticator.plan.sources[source].hasRemoteKeys,
                error.kind == .unknownKey || error.kind == .unavailable
            {
                return (.ask(.keys(source: source), within: AuthenticationFilter.keyBudget), .waiting)
            }
            return refuse(error, found.place)
        }
    }

    /// A request that shows a key. A token beside it was looked at by nobody: a backend that takes it for
    /// verified must not get it.
    private func decide(
        _ exchange: inout ExchangeState, _ found: APIKeyFinder.Found, _ authenticator: inout Authenticator,
        _ keys: some APIKeyTable, _ now: WallTime
    ) -> (verdict: Verdict, result: AuthenticationResult) {
        let recognition: KeyRecognition =
            switch found {
            case .one(let key): authenticator.recognise(key: key, table: keys, now: now)
            case .several: .refused(.malformed)
            }
        switch recognition {
        case .known(let identity):
            exchange.identity = identity
            let token = TokenFinder.bearer(exchange.head)
            exchange.hidesAuthorization =
                !authenticator.plan.sources.isEmpty && token.map { !$0.hasPrefix(APIKey.mark) } ?? false
            if let refusal = forbids(identity, claims: nil) { return (.respond(refusal), .forbidden) }
            return (.next, .accepted)
        case .refused(let reason):
            return (.respond(.refusal(reason, accepted)), AuthenticationResult(reason))
        }
    }

    private struct Found {
        let token: ByteView
        let place: TokenFinder.Place
    }

    /// The token: of the Authorization field, else of a cookie, else of a WebSocket's query.
    private func find(
        _ exchange: borrowing ExchangeState, _ authenticator: borrowing Authenticator, _ believed: UInt64
    ) -> Found? {
        if let token = TokenFinder.bearer(exchange.head) { return Found(token: token, place: .authorization) }
        let sources = authenticator.plan.sources
        for index in sources.indices where believed & 1 << UInt64(index) != 0 {
            let token = sources[index].cookie?.withView {
                TokenFinder.cookie($0, in: exchange.head, using: authenticator.workspace.view)
            }
            if let token = token ?? nil { return Found(token: token, place: .cookie) }
        }
        guard asksForWebSocket(exchange), let query = exchange.head.queryBytes else { return nil }
        for index in sources.indices where believed & 1 << UInt64(index) != 0 {
            let token = sources[index].query?.withView { TokenFinder.parameter($0, in: query) }
            if let token = token ?? nil { return Found(token: token, place: .query) }
        }
        return nil
    }

    /// A query stands in logs and histories: it is looked at only for those who can send no field, browsers
    /// that open a WebSocket where there may be one.
    @inline(__always)
    private func asksForWebSocket(_ exchange: borrowing ExchangeState) -> Bool {
        guard exchange.head.wantsUpgrade, exchange.plan?.allowsWebSocket == true else { return false }
        return exchange.head.value(of: .upgrade)?.equalsIgnoringCase("websocket") ?? false
    }

    /// Which sources of the plan in force the route believes, by a bit each. A request that began under an
    /// older plan knows them by their names.
    @inline(__always)
    private func believed(of current: IdentityPlan) -> UInt64 {
        current === plan ? sources : believedByName(of: current)
    }

    private func believedByName(of current: IdentityPlan) -> UInt64 {
        var believed: UInt64 = 0
        for index in current.sources.indices {
            let name = current.sources[index].name.view
            let isBelieved = plan.sources.indices.contains { own in
                sources & 1 << UInt64(own) != 0 && plan.sources[own].name.view.equals(name)
            }
            if isBelieved { believed |= 1 << UInt64(index) }
        }
        return believed
    }

    /// A cookie is sent along whether anybody meant it or not: where nobody has to be known, one that has
    /// gone bad makes its bearer anybody.
    private func refuse(
        _ error: TokenError, _ place: TokenFinder.Place
    ) -> (verdict: Verdict, result: AuthenticationResult) {
        let result = AuthenticationResult(error.kind)
        if !isRequired, place == .cookie, error.kind != .unavailable { return (.next, result) }
        return (.respond(.refusal(error, accepted)), result)
    }

    /// Who is known may still not be meant.
    ///
    /// - Parameter known: What a token claims; nil for a key, which claims nothing.
    private func forbids(_ identity: Identity, claims known: Claims?) -> LocalResponse? {
        if !identity.hasScopes(scopes) { return .insufficientScope(insufficient) }
        if !identity.hasRole(of: roles) { return .insufficientRole }
        for rule in claims where !(known?.holds(rule.value, at: rule.path) ?? false) {
            return .insufficientRole
        }
        return nil
    }

    /// - Parameter sources: Which of the plan's sources are believed, by a bit each.
    package init(
        isRequired: Bool, accepted: AcceptedCredentials = .token, plan: IdentityPlan, sources: UInt64,
        scopes: [String], roles: [String], claims: [(String, String)]
    ) {
        self.isRequired = isRequired
        self.accepted = accepted
        self.plan = plan
        self.sources = sources
        self.scopes = scopes.map { Array($0.utf8) }
        self.roles = roles.map { Array($0.utf8) }
        self.claims = claims.map { ClaimRule(path: JSONPath(claim: $0.0), value: Array($0.1.utf8)) }
        let scheme = accepted.contains(.token) ? "Bearer" : "ApiKey"
        insufficient = PinnedText(
            "WWW-Authenticate: \(scheme) realm=\"api\", error=\"insufficient_scope\", "
                + "scope=\"\(scopes.joined(separator: " "))\"\r\n")
    }
}
