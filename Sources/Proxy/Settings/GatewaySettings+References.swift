import Pipeline
import Settings
import Upstream

extension GatewaySettings {
    /// What the parts of a file say about each other: names that must exist, routes that can never match.
    func checkReferences(_ reader: inout Reader) {
        if listeners.isEmpty {
            reader.report(at: reader.mark(of: [.key("listeners")]), "listeners: at least one is needed")
        }
        checkAddresses(&reader)
        checkNames(&reader)
        checkRoutes(&reader)
        checkOwnFields(&reader)
        checkLimits(&reader)
        // A name that is misspelt where it is used is not unused.
        if !reader.hasErrors { checkUse(&reader) }
    }

    private func checkAddresses(_ reader: inout Reader) {
        var seen: Set<ListenAddress> = []
        if let address = admin.address { seen.insert(address) }
        for (index, listener) in listeners.enumerated() {
            let path: [SettingStep] = [.key("listeners"), .index(index), .key("address")]
            switch listener.address {
            // Any number of listeners may let the kernel choose.
            case .ip(_, port: 0), .everywhere(port: 0): continue
            case .ip, .everywhere, .unix: break
            }
            guard !seen.insert(listener.address).inserted else { continue }
            let isAdmin = listener.address == admin.address
            reader.report(
                at: reader.mark(of: path),
                "\(path.text): \(listener.address.text) is already taken\(isAdmin ? " by admin" : "")")
        }
        for (index, listener) in listeners.enumerated()
        where listener.proxyProtocol != .off && trustedProxies.isEmpty && !listener.address.isUnix {
            let path: [SettingStep] = [.key("listeners"), .index(index), .key("proxy_protocol")]
            reader.report(
                .warning, at: reader.mark(of: path),
                "\(path.text): no peer is trusted to use it; name the proxies in trusted_proxies")
        }
    }

    private func checkNames(_ reader: inout Reader) {
        let limitNames = limits.map(\.name)
        let upstreamNames = upstreams.map(\.name)
        let knownLimits = Set(limitNames)
        let knownUpstreams = Set(upstreamNames)
        for (index, route) in routes.enumerated() {
            let place: [SettingStep] = [.key("routes"), .index(index)]
            var seen: Set<String> = []
            for (position, name) in route.limits.enumerated() {
                let path = place + [.key("limits"), .index(position)]
                if !seen.insert(name).inserted {
                    reader.report(
                        .warning, at: reader.mark(of: path), "\(path.text): \(name) is listed twice")
                }
                guard !knownLimits.contains(name) else { continue }
                reader.report(
                    at: reader.mark(of: path), "\(path.text): no limit is named \"\(name)\"",
                    suggestion: Suggestion.nearest(to: name, among: limitNames))
            }
            checkIdentity(of: route, at: place, &reader)
            checkSigning(of: route, at: place, &reader)
            checkLease(of: route, at: place, &reader)
            guard case .proxy(let shares) = route.action else { continue }
            for share in shares where !knownUpstreams.contains(share.upstream) {
                let path = place + [.key("upstream")]
                reader.report(
                    at: reader.mark(of: shares.count == 1 ? path : path + [.key(share.upstream)]),
                    "\(path.text): no upstream is named \"\(share.upstream)\"",
                    suggestion: Suggestion.nearest(to: share.upstream, among: upstreamNames))
            }
        }
    }

    private func checkIdentity(of route: RouteSettings, at place: [SettingStep], _ reader: inout Reader) {
        guard route.authentication != .none else { return }
        let known = identity.tokens.map(\.name)
        if credentials.isEmpty {
            let path = place + [.key("auth")]
            reader.report(
                at: reader.mark(of: path),
                "\(path.text): nobody can be known: identity has neither tokens nor api_keys")
        }
        for (position, credential) in route.credentials.enumerated() where !credentials.contains(credential) {
            let path = place + [.key("credentials"), .index(position)]
            let missing =
                credential == .token ? "identity.tokens names no source" : "identity has no api_keys"
            reader.report(
                at: reader.mark(of: path),
                "\(path.text): no \(credential.rawValue) can be good here: \(missing)")
        }
        for (position, name) in route.tokens.enumerated() where !known.contains(name) {
            let path = place + [.key("tokens"), .index(position)]
            reader.report(
                at: reader.mark(of: path), "\(path.text): no source of tokens is named \"\(name)\"",
                suggestion: Suggestion.nearest(to: name, among: known))
        }
    }

    /// Fields that a policy of CORS writes must not be written by hand beside it.
    private func checkOwnFields(_ reader: inout Reader) {
        func check(_ fields: [HeaderField], at place: [SettingStep], _ words: String) {
            for field in fields where field.name.lowercased().hasPrefix("access-control-") {
                reader.report(
                    at: reader.mark(of: place + [.key(field.name)]),
                    "\(place.text): \(field.name) is what cors writes; \(words)")
            }
        }
        if cors != nil || routes.contains(where: { if case .own = $0.cors { true } else { false } }) {
            check(
                securityHeaders.set, at: [.key("security_headers"), .key("set")],
                "name its origins there instead")
        }
        for (index, route) in routes.enumerated() where cors(of: route) != nil {
            let place: [SettingStep] = [.key("routes"), .index(index)]
            if case .respond(let response) = route.action {
                check(
                    response.headers, at: place + [.key("respond"), .key("headers")],
                    "leave it out, or set `cors: off` for this route")
            }
            guard case .own(let own) = route.securityHeaders else { continue }
            check(
                own.set, at: place + [.key("security_headers"), .key("set")],
                "leave it out, or set `cors: off` for this route")
        }
    }

    private func checkSigning(of route: RouteSettings, at place: [SettingStep], _ reader: inout Reader) {
        guard let signed = route.signed else { return }
        let known = identity.signingKeys.map(\.name)
        let path = place + [.key("signed")]
        if known.isEmpty {
            reader.report(
                at: reader.mark(of: path),
                "\(path.text): no signature can be good: identity.signing_keys has no key")
        }
        for (position, name) in signed.keys.enumerated() where !known.contains(name) {
            let path = path + [.key("keys"), .index(position)]
            reader.report(
                at: reader.mark(of: path), "\(path.text): no signing key is named \"\(name)\"",
                suggestion: Suggestion.nearest(to: name, among: known))
        }
    }

    /// A lease that ends before an answer must have come lets a second request be sent meanwhile.
    private func checkLease(of route: RouteSettings, at place: [SettingStep], _ reader: inout Reader) {
        guard let lease = route.idempotency?.lease, case .proxy(let shares) = route.action else { return }
        let names = Set(shares.map(\.upstream))
        let times = upstreams.filter { names.contains($0.name) }.map { upstream in
            upstream.queue.wait + upstream.connectTimeout
                + (route.responseTimeout ?? upstream.responseTimeout)
        }
        guard let longest = times.max(), lease < longest else { return }
        let path = place + [.key("idempotency")]
        reader.report(
            .warning, at: reader.mark(of: path + [.key("lease")]),
            "\(path.text): lease \(Quantity.text(lease)) ends before an answer must have begun "
                + "(\(Quantity.text(longest)) with queue, connect and response time): a second request may "
                + "go out meanwhile")
    }

    private func checkUse(_ reader: inout Reader) {
        checkTokenUse(&reader)
        let usedLimits = Set(routes.flatMap(\.limits))
        for limit in limits where !usedLimits.contains(limit.name) {
            let path: [SettingStep] = [.key("limits"), .key(limit.name)]
            reader.report(.warning, at: reader.mark(of: path), "\(path.text): no route uses this limit")
        }
        let usedUpstreams = routes.reduce(into: Set<String>()) { names, route in
            guard case .proxy(let shares) = route.action else { return }
            names.formUnion(shares.map(\.upstream))
        }
        for upstream in upstreams where !usedUpstreams.contains(upstream.name) {
            let path: [SettingStep] = [.key("upstreams"), .key(upstream.name)]
            reader.report(.warning, at: reader.mark(of: path), "\(path.text): no route uses this upstream")
        }
    }

    private func checkTokenUse(_ reader: inout Reader) {
        let asking = routes.filter { $0.authentication != .none }
        let used = Set(asking.flatMap(\.tokens))
        for source in identity.tokens {
            let path: [SettingStep] = [.key("identity"), .key("tokens"), .key(source.name)]
            guard !used.contains(source.name), !asking.contains(where: \.tokens.isEmpty) else { continue }
            reader.report(.warning, at: reader.mark(of: path), "\(path.text): no route takes its tokens")
        }
    }

    /// Routes of one path that a further one is compared with: their number squared is what the check costs.
    private static let comparedRoutes = 256

    private func checkRoutes(_ reader: inout Reader) {
        var names: [String: Int] = [:]
        var byShape: [PathPattern: [Int]] = [:]
        let precedences = routes.map(RoutePrecedence.init)
        for (index, route) in routes.enumerated() where reader.isSound("routes", index) {
            let place: [SettingStep] = [.key("routes"), .index(index)]
            let isGivenName = reader.mark(of: place + [.key("name")]) != reader.mark(of: place)
            if isGivenName, let first = names[route.name] {
                reader.report(
                    at: reader.mark(of: place + [.key("name")]),
                    "\(place.text): the name \"\(route.name)\" is taken by routes[\(first)]")
            }
            names[route.name] = names[route.name] ?? index
            let shape = route.path.shape
            for earlier in byShape[shape, default: []].prefix(Self.comparedRoutes)
            where precedences[earlier] >= precedences[index] && routes[earlier].covers(route) {
                let line = reader.mark(of: [.key("routes"), .index(earlier)]).line
                let isSame = route.covers(routes[earlier])
                reader.report(
                    isSame ? .error : .warning, at: reader.mark(of: place + [.key("path")]),
                    isSame
                        ? "\(place.text): the same route stands on line \(line)"
                        : "\(place.text): never matches, the route on line \(line) takes all of its requests")
                break
            }
            byShape[shape, default: []].append(index)
        }
    }
}

extension ListenAddress {
    fileprivate var isUnix: Bool { if case .unix = self { true } else { false } }
}

extension PathPattern {
    /// The pattern without the names of its placeholders, which do not change what it matches.
    fileprivate var shape: PathPattern {
        guard case .segments(let segments) = self else { return self }
        return .segments(
            segments.map { segment in
                if case .any = segment { .any(name: "") } else { segment }
            })
    }
}

extension RouteSettings {
    /// Whether every request that `other`, of the same path and precedence or less, matches comes here first.
    fileprivate func covers(_ other: RouteSettings) -> Bool {
        guard hosts.isEmpty || !other.hosts.isEmpty && other.hosts.allSatisfy(hosts.contains),
            methods.isEmpty || !other.methods.isEmpty && other.methods.allSatisfy(methods.contains)
        else { return false }
        return headers.allSatisfy { wanted in
            other.headers.contains { field in
                field.value == wanted.value && field.name.lowercased() == wanted.name.lowercased()
            }
        }
    }
}
