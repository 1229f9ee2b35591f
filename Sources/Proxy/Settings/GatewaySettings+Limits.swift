import Pipeline
import Settings

extension GatewaySettings {
    /// What limits say about users, plans and claims that the rest of the file must know of.
    func checkLimits(_ reader: inout Reader) {
        for limit in limits where reader.isSound("limits", limit.name) {
            let place: [SettingStep] = [.key("limits"), .key(limit.name)]
            checkPlans(of: limit, at: place, &reader)
            for holder in limit.holders where holder.needsIdentity {
                guard let missing = missingSource(of: holder) else { continue }
                reader.report(
                    at: reader.mark(of: place + [.key("by")]),
                    "\(place.text): nobody has a \(holder.text) here: \(missing)")
            }
        }
        for (index, route) in routes.enumerated() where reader.isSound("routes", index) {
            checkLimits(of: route, at: [.key("routes"), .index(index)], &reader)
            checkCalls(of: route, at: [.key("routes"), .index(index)], &reader)
        }
    }

    /// Where users' plans come from; nil for nowhere.
    private var hasPlanSource: Bool {
        identity.defaultPlan != nil || identity.planLookup != nil || identity.apiKeys != nil
            || identity.tokens.contains { $0.plan != nil }
    }

    private func checkPlans(of limit: RateLimitSettings, at place: [SettingStep], _ reader: inout Reader) {
        guard !limit.plans.isEmpty else { return }
        let path = place + [.key("plans")]
        guard hasPlanSource else {
            return reader.report(
                at: reader.mark(of: path),
                "\(path.text): nobody is on a plan: name where plans come from, as `plan` of a token source, "
                    + "identity.plan_lookup or identity.default_plan")
        }
        if limit.rate == nil, let plan = identity.defaultPlan,
            !limit.plans.contains(where: { $0.plan == plan })
        {
            reader.report(
                at: reader.mark(of: path),
                "\(path.text): the default plan \"\(plan)\" has no rate; add it, or `rate` for all others",
                suggestion: Suggestion.nearest(to: plan, among: limit.plans.map(\.plan)))
        }
    }

    private func missingSource(of holder: LimitHolder) -> String? {
        switch holder {
        case .user: credentials.isEmpty ? "identity has neither tokens nor api_keys" : nil
        case .apiKey: identity.apiKeys == nil ? "identity has no api_keys" : nil
        case .claim: identity.tokens.isEmpty ? "identity has no tokens" : nil
        case .plan: hasPlanSource ? nil : "no token source has `plan`, and there is no default_plan"
        case .ip, .route, .host, .header, .cookie: nil
        }
    }

    /// A call whose own route asks who sends it cannot come with a batch that nobody was asked about.
    private func checkCalls(of route: RouteSettings, at place: [SettingStep], _ reader: inout Reader) {
        guard route.calls != nil else { return }
        if route.upgrade.contains(.websocket) {
            reader.report(
                at: reader.mark(of: place + [.key("upgrade")]),
                "\(place.text): calls inside of a WebSocket are not counted: give it a route without calls")
        }
        guard route.authentication == .none else { return }
        let stricter = routes.first { other in
            other.authentication != .none && other.path.begins(with: route.path.base)
        }
        guard let stricter else { return }
        reader.report(
            .warning, at: reader.mark(of: place + [.key("calls")]),
            "\(place.text): calls of \(stricter.name) are refused in a batch, for this route asks nobody who "
                + "they are: set `auth: optional`")
    }

    private func checkLimits(of route: RouteSettings, at place: [SettingStep], _ reader: inout Reader) {
        let own = route.limits.compactMap { name in limits.first { $0.name == name } }
        let path = place + [.key("limits")]
        if route.authentication == .none, let limit = own.first(where: \.needsIdentity) {
            reader.report(
                .warning, at: reader.mark(of: path),
                "\(path.text): \(limit.name) counts users, and without `auth` the route knows none: "
                    + "clients count by address")
        }
        // A client that writes another value into its field is another client to such a rule.
        let isChosen = { (limit: RateLimitSettings) in
            limit.holders.contains { $0.isChosenByClients && ($0 != .host || route.hosts.isEmpty) }
        }
        if let limit = own.first(where: isChosen), own.allSatisfy(isChosen) {
            reader.report(
                .warning, at: reader.mark(of: path),
                "\(path.text): \(limit.name) counts by what clients write themselves: add one by ip or user"
            )
        }
    }
}

extension PathPattern {
    /// What the paths of all calls begin with.
    fileprivate var base: String {
        var base = text
        if base.hasSuffix("*") { base.removeLast() }
        while base.hasSuffix("/") { base.removeLast() }
        return base
    }
}

extension LimitHolder {
    fileprivate var isChosenByClients: Bool {
        switch self {
        // Where routes name no hosts, any name leads to them.
        case .header, .cookie, .host: true
        case .ip, .user, .apiKey, .plan, .route, .claim: false
        }
    }
}
