import Addressing
import Bytes
import Settings

extension RouteSettings {
    package static let section = Section(
        """
        What a request must look like, and what becomes of it. The most specific route wins, wherever it \
        stands: first the host (exact, then the longest wildcard, then none); then the path, segment by \
        segment (a literal, then `{name}`, then `*`); then routes with methods, then those with more \
        headers, then the order of the file.
        """,
        initial: RouteSettings(),
        fields: matching + handling + access + browsers,
        check: { settings, node, reader in settings.finish(node, &reader) })

    private static let matching: [Field<RouteSettings>] = [
        Field(
            "name", \.name, .routeName, reload: .live,
            "Name in logs and metrics; without it the path.", example: "orders"),
        Field(
            "path", \.path, .pathPattern, .required, reload: .live,
            "Exact (`/api/orders`), all below (`/api/*`, `/api` too) or a pattern (`/users/{id}/avatar`).",
            example: "/api/*"),
        Field(
            "methods", \.methods, .list(of: .method, 0...16), reload: .live,
            "Methods, any without it; GET includes HEAD.", example: "[GET, POST]"),
        Field(
            "hosts", \.hosts, .list(of: .hostPattern, 0...64), reload: .live,
            "Hosts, any without it; `*.` stands for one label or more.",
            example: "[example.com, \"*.example.com\"]"),
        Field(
            "headers", \.headers, .headers("a map of header names to exact values", allowsFraming: true),
            reload: .live,
            "Fields that a request must carry with exactly these values.", example: "{ X-Version: \"2\" }"),
    ]

    private static let handling: [Field<RouteSettings>] = [
        Field(
            "upstream", \.shares, .shares, .exemplary, reload: .live,
            "Who answers: one upstream, or several by weight, 0 for nothing (`{ app: 95, canary: 5 }`).",
            example: "app"),
        Field(
            "respond", \.response, .optional(Response.section.kind()), reload: .live,
            "An answer that the gateway gives itself, instead of upstream.",
            example: "{ status: 410, json: { error: GONE } }"),
        Field(
            "strip_prefix", \.stripPrefix, .stripPrefix, reload: .live,
            "Removed from the front of the path before the request is sent on.", example: "/api"),
        Field(
            "addresses", \.addresses, AddressListSettings.section.kind(), reload: .live,
            "Who is served here, by address, besides what the file's own `addresses` say.",
            example: "{ allow: [10.0.0.0/8] }"),
        Field(
            "limits", \.limits, .list(of: .name(of: "a limit"), 0...16), .exemplary, reload: .live,
            "Limits by name, asked in this order.", example: "[everyone]"),
        Field(
            "calls", \.calls, .optional(CallSettings.kind), reload: .live,
            "Requests that carry several calls are counted per call, each by the limits of its own route.",
            example: "trpc"),
        Field(
            "max_body", \.maxBody, .optional(.bytes(0...(1 << 40))), reload: .live,
            "Largest request body instead of the clients', 0 for no limit.", example: "10MiB"),
        Field(
            "response_timeout", \.responseTimeout,
            .optional(.duration(.milliseconds(10)...(.seconds(86_400)))),
            reload: .live, "Longest time to the answer's head instead of the upstream's.", example: "3s"),
        Field(
            "upgrade", \.upgrade, .list(of: .choice, 0...1), reload: .live,
            "Protocols that clients may switch to; a request for any other is sent on as a plain one.",
            example: "[websocket]"),
        Field(
            "feature", \.feature, .optional(.name(of: "a feature")), reload: .live,
            "The feature that the route serves, as `explain` shows it.", example: "ai_chat"),
    ]

    private static let access: [Field<RouteSettings>] = [
        Field(
            "auth", \.authentication, .choice, reload: .live,
            "Whether a token or a key is needed, looked at where there is one, or nobody's business.",
            example: "required"),
        Field(
            "credentials", \.credentials, .list(of: .choice, 0...2), reload: .live,
            "What shows who a client is; without it whatever `identity` knows. A key comes before a token.",
            example: "[api_key]"),
        Field(
            "tokens", \.tokens, .list(of: .name(of: "a token source"), 0...32), reload: .live,
            "Sources of `identity.tokens` whose tokens are taken; all without it.", example: "[users]"),
        Field(
            "scopes", \.scopes, .list(of: .scope, 0...16), reload: .live,
            "Scopes that the token or key must have, all of them; else 403.",
            example: "[\"messages:write\"]"),
        Field(
            "roles", \.roles, .list(of: .scope, 0...16), reload: .live,
            "Roles of which the token or key must have one; else 403.", example: "[admin, moderator]"),
        Field(
            "claims", \.claims, .claimValues, reload: .live,
            "Claims that the token must have with exactly these values; else 403, for keys always.",
            example: "{ app_metadata.verified: \"true\" }"),
        Field(
            "signed", \.signed, .optional(SignedSettings.section.kind()), reload: .live,
            "Requests must be signed with a key of `identity.signing_keys`; `{}` for all defaults.",
            example: "{ keys: [partner], window: 60s }"),
        Field(
            "idempotency", \.idempotency, .optional(IdempotencySettings.section.kind()), reload: .live,
            "Requests with an Idempotency-Key are done once, and answered as often as they come.",
            example: "{ required: true }"),
    ]

    private static let browsers: [Field<RouteSettings>] = [
        Field(
            "cors", \.cors, .own(CORSSettings.section, "cors"), reload: .live,
            "Which pages may read this route's answers, instead of what `cors` says for all.",
            example: "{ origins: [https://admin.example.com], credentials: true }"),
        Field(
            "security_headers", \.securityHeaders,
            .own(SecurityHeadersSettings.section, "security_headers"), reload: .live,
            "Security headers of this route, instead of those that `security_headers` says for all.",
            example: "{ preset: api }"),
    ]

    /// The shares of `action`; empty where the gateway answers itself.
    fileprivate var shares: [Share] {
        get { if case .proxy(let shares) = action { shares } else { [] } }
        set { action = .proxy(newValue) }
    }

    fileprivate var response: Response? {
        get { if case .respond(let response) = action { response } else { nil } }
        set { if let newValue { action = .respond(newValue) } }
    }

    /// What the fields say together.
    private mutating func finish(_ node: DocumentNode, _ reader: inout Reader) {
        let place = reader.path
        switch (node.has("upstream"), node.has("respond")) {
        case (true, true):
            reader.report(
                at: reader.mark(of: place + [.key("respond")]),
                "\(place.text): a route has an upstream or respond, not both")
        case (false, false):
            reader.report(at: node.mark, "\(place.text): \"upstream\" is missing (or \"respond\")")
        case (false, true):
            for key in ["strip_prefix", "response_timeout", "upgrade", "idempotency"] where node.has(key) {
                reader.report(
                    .warning, at: reader.mark(of: place + [.key(key)]),
                    "\(place.text): \(key) has no effect beside respond")
            }
        case (true, false): break
        }
        if authentication != .required {
            let demands = [("scopes", scopes.isEmpty), ("roles", roles.isEmpty), ("claims", claims.isEmpty)]
            let choices =
                authentication == .none
                ? [("credentials", credentials.isEmpty), ("tokens", tokens.isEmpty)] : []
            for (key, isEmpty) in choices + demands where !isEmpty {
                reader.report(
                    at: reader.mark(of: place + [.key(key)]),
                    "\(place.text): \(key) asks for nothing without auth: required")
            }
        }
        checkIdempotency(node, &reader)
        guard !stripPrefix.isEmpty, !path.begins(with: stripPrefix) else { return }
        reader.report(
            at: reader.mark(of: place + [.key("strip_prefix")]),
            "\(place.text): \(path.text) does not begin with strip_prefix \(stripPrefix)")
    }
}

extension RouteSettings {
    /// What keys on this route could not mean.
    fileprivate func checkIdempotency(_ node: DocumentNode, _ reader: inout Reader) {
        guard let idempotency else { return }
        let path = reader.path + [.key("idempotency")]
        let names = idempotency.methods.map(\.rawValue)
        if !methods.isEmpty, !names.contains(where: methods.contains) {
            reader.report(
                at: reader.mark(of: path),
                "\(path.text): keys count for \(names.joined(separator: ", ")), which the route does not take"
            )
        }
        if let maxBody, maxBody > 0, idempotency.maxBody > maxBody,
            reader.mark(of: path + [.key("max_body")]) != reader.mark(of: path)
        {
            reader.report(
                .warning, at: reader.mark(of: path + [.key("max_body")]),
                "\(path.text): max_body is more than the route's own, which holds")
        }
        if idempotency.holder == .user, authentication == .none {
            reader.report(
                .warning, at: reader.mark(of: path),
                "\(path.text): without auth nobody is known: clients of one address share their keys")
        }
    }
}

extension RouteSettings.Response {
    fileprivate static let section = Section(
        "An answer that the gateway gives itself.",
        initial: RouteSettings.Response(),
        fields: [
            Field(
                "status", \.status, .count(200...599), reload: .live, "The answer's status.", example: "410"),
            Field(
                "json", \.jsonBody, .optional(.jsonBody), reload: .live, "A JSON body.",
                example: "{ error: GONE }"),
            Field("text", \.textBody, .optional(.textBody), reload: .live, "A text body.", example: "gone"),
            Field(
                "headers", \.headers, .headers("a map of header names to values", allowsFraming: false),
                reload: .live,
                "Fields of the answer; Content-Type replaces the body's own.",
                example: "{ Location: \"https://example.com/\" }"),
        ],
        check: { response, node, reader in
            if node.has("text"), node.has("json") {
                reader.report(
                    at: reader.mark(of: reader.path + [.key("text")]),
                    "\(reader.path.text): a body is text or json, not both")
            }
            // RFC 9110 §15.3.5, §15.3.6, §15.4.5: these never carry content.
            guard [204, 205, 304].contains(response.status), response.body != nil else { return }
            reader.report(
                at: reader.mark(of: reader.path + [.key("status")]),
                "\(reader.path.text): an answer with status \(response.status) has no body")
        })

    fileprivate var textBody: AnswerBody? {
        get { if case .text = body { body } else { nil } }
        set { body = newValue }
    }

    fileprivate var jsonBody: AnswerBody? {
        get { if case .json = body { body } else { nil } }
        set { body = newValue }
    }
}

// MARK: - Kinds that only routes have

extension Kind where Value == String {
    fileprivate static var routeName: Kind {
        .scalar("a name of 1 to 128 visible characters") { text throws(Refusal) in
            let isPlain = text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != 0x22 && $0 != 0x5C }
            guard isPlain, (1...128).contains(text.utf8.count) else {
                throw Refusal("a route's name is 1 to 128 ASCII characters without blanks, quotes and \\")
            }
            return text
        } write: {
            $0.isEmpty ? nil : YAMLText.scalar($0)
        }
    }

    /// RFC 6749 §3.3: visible characters without quotes and \\.
    fileprivate static var scope: Kind {
        .text("a name of 1 to 128 visible characters", maxLength: 128) { text throws(Refusal) in
            let isPlain = text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != 0x22 && $0 != 0x5C }
            guard !text.isEmpty, isPlain else { throw Refusal() }
        }
    }

    fileprivate static var method: Kind {
        .scalar("a method such as GET") { text throws(Refusal) in
            guard (1...32).contains(text.utf8.count), text.utf8.allSatisfy(ASCII.isToken) else {
                throw Refusal()
            }
            // Methods are case-sensitive (RFC 9110 §9.1): `get` would never match.
            guard text == text.uppercased() else {
                throw Refusal("methods are written in capitals", suggestion: text.uppercased())
            }
            guard text != "CONNECT" else { throw Refusal("CONNECT is never passed on") }
            return text
        } write: {
            $0
        }
    }

    fileprivate static var stripPrefix: Kind {
        .scalar("a path such as /api") { text throws(Refusal) in
            var path = text
            if path.hasSuffix("/*") { path.removeLast(2) }
            while path.hasSuffix("/") { path.removeLast() }
            guard !path.isEmpty else { return "" }
            try PathPattern.check(path)
            return path
        } write: {
            $0.isEmpty ? nil : $0
        }
    }
}

extension Kind where Value == HostPattern {
    fileprivate static var hostPattern: Kind {
        .scalar("a host such as example.com or \"*.example.com\"") { text throws(Refusal) in
            let lowered = text.lowercased()
            let name = lowered.hasPrefix("*.") ? String(lowered.dropFirst(2)) : lowered
            if let colon = name.lastIndex(of: ":"), !name.hasSuffix("]"), IPAddress(name) == nil {
                throw Refusal(
                    "a host is written without a port",
                    suggestion: String(text.prefix(text.count - name[colon...].count)))
            }
            if lowered.hasPrefix("*.") {
                guard Endpoint.isHostName(name) else { throw Refusal() }
                return .subdomains(of: name)
            }
            let bare = name.hasPrefix("[") && name.hasSuffix("]") ? String(name.dropFirst().dropLast()) : name
            if let address = IPAddress(bare) {
                return .exact(address.isIPv4 ? "\(address)" : "[\(address)]")
            }
            guard Endpoint.isHostName(name) else { throw Refusal() }
            return .exact(name)
        } write: {
            YAMLText.scalar($0.text)
        }
    }
}

extension Kind where Value == [RouteSettings.Share] {
    /// `app`, or `{ app: 95, canary: 5 }`.
    fileprivate static var shares: Kind {
        let name = Kind<String>.name(of: "an upstream")
        let weight = Kind<Int>.count(0...1_000_000)
        return Kind(
            words: "the name of an upstream, or a map of names to weights",
            schema: .object([
                (
                    "anyOf",
                    .array([
                        name.schema,
                        .object([
                            ("type", .string("object")), ("additionalProperties", weight.schema),
                            ("minProperties", .number("1")),
                        ]),
                    ])
                )
            ]),
            read: { node, reader in
                guard case .map(let entries) = node.content else {
                    return name.read(node, &reader).map { [RouteSettings.Share(upstream: $0)] }
                }
                let shares = entries.prefix(64).compactMap { entry in
                    reader.within(.key(entry.key), at: entry.keyMark) { reader in
                        weight.read(entry.value, &reader).map {
                            RouteSettings.Share(upstream: entry.key, weight: $0)
                        }
                    }
                }
                guard entries.count <= 64,
                    shares.count < entries.count || shares.contains(where: { $0.weight > 0 })
                else {
                    reader.report(
                        at: node.mark,
                        "\(reader.path.text): 1 to 64 upstreams, at least one with a weight above 0")
                    return nil
                }
                return shares
            },
            write: { _ in nil })
    }
}
