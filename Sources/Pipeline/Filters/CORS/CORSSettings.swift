import Settings

/// Which pages of other origins may read answers, and what they may send (Fetch standard, "CORS protocol").
package struct CORSSettings: Equatable, Sendable {
    /// Names of fields, or all of them.
    package enum Names: Equatable, Sendable {
        case any
        case listed([String])
    }

    /// 1 to 5,000.
    package var origins: [OriginPattern] = []
    /// Whether pages may send the cookies, certificates and passwords that the browser keeps.
    package var credentials = false
    /// The same for the origin `null`, which any page can give itself.
    package var nullCredentials = false
    /// Nil is what the route takes.
    package var methods: [String]?
    package var headers = Names.any
    package var exposedHeaders = Names.listed(["Retry-After", "X-Request-Id"])
    package var maxAge = Duration.seconds(600)
    package var privateNetwork = false

    package init() {}
}

extension CORSSettings {
    package static let section = Section(
        "Which pages of other origins may read answers, and what they may send.",
        initial: CORSSettings(), fields: readers + requests,
        check: { settings, _, reader in settings.check(&reader) })

    private static let readers: [Field<CORSSettings>] = [
        Field(
            "origins", \.origins, .origins, .required, reload: .live,
            "Exact, `https://*.example.com` for names below, `\"*\"` or `null`; a list, or a text with commas.",
            example: "[https://app.example.com]"),
        Field(
            "credentials", \.credentials, .bool, reload: .live,
            "Whether requests may carry cookies and other credentials that the browser keeps.",
            example: "true"),
        Field(
            "null_credentials", \.nullCredentials, .bool, reload: .live,
            "The same for the origin `null`, which any page can give itself.", example: "true"),
        Field(
            "exposed_headers", \.exposedHeaders, .names, reload: .live,
            "Fields of answers that pages may read, besides those that they always may; `\"*\"` for all.",
            example: "[Retry-After, X-Request-Id, RateLimit]"),
    ]

    private static let requests: [Field<CORSSettings>] = [
        Field(
            "methods", \.methods, .optional(.list(of: .corsMethod, 1...16)), reload: .live,
            "Methods that pages may use; without it the route's own, or the usual six where it takes any.",
            example: "[GET, POST]"),
        Field(
            "headers", \.headers, .names, reload: .live,
            "Fields that pages may set on requests; `\"*\"` allows those that are asked for.",
            example: "[Authorization, Content-Type]"),
        Field(
            "max_age", \.maxAge, .duration(.zero...(.seconds(86_400))), reload: .live,
            "How long a browser may go by a preflight's answer; Chromium goes by no more than 2h.",
            example: "2h"),
        Field(
            "private_network", \.privateNetwork, .bool, reload: .live,
            "Whether pages of public sites may ask this gateway in a private network.", example: "true"),
    ]

    /// Bytes of the names of one list, as they are sent.
    static let longestNames = 4096

    /// What the keys say together.
    private func check(_ reader: inout Reader) {
        let place = reader.path
        func report(_ key: String, _ message: String, _ suggestion: String? = nil) {
            let path = place + [.key(key)]
            reader.report(at: reader.mark(of: path), "\(path.text): \(message)", suggestion: suggestion)
        }
        if origins.contains(.any) {
            if credentials {
                // Fetch standard, CORS check: a wildcard never goes with credentials.
                report(
                    "credentials", "browsers refuse \"*\" together with credentials; name the origins",
                    "origins: [https://app.example.com]")
            }
            if origins.count > 1 { report("origins", "\"*\" allows every origin, and stands alone") }
        }
        if credentials, exposedHeaders == .any {
            report(
                "exposed_headers", "\"*\" means nothing together with credentials; name the fields",
                "[Retry-After, X-Request-Id]")
        }
        if nullCredentials, !credentials || !origins.contains(.null) {
            let path = place + [.key("null_credentials")]
            reader.report(
                .warning, at: reader.mark(of: path),
                "\(path.text): has no effect without credentials and the origin null")
        }
        for origin in origins where origin.isShared {
            let path = place + [.key("origins")]
            reader.report(
                .warning, at: reader.mark(of: path),
                "\(path.text): anybody can have a name below this domain; name the hosts that are yours")
        }
    }
}

// MARK: - Kinds that only this section has

extension Kind where Value == [OriginPattern] {
    fileprivate static var origins: Kind {
        let words = "origins such as https://app.example.com, a list or one text with commas"
        let text = JSONValue.object([("type", .string("string"))])
        return Kind(
            words: words,
            schema: .object([
                (
                    "anyOf",
                    .array([
                        text,
                        .object([
                            ("type", .string("array")), ("items", text), ("minItems", .number("1")),
                            ("maxItems", .number("\(OriginSet.capacity)")),
                        ]),
                    ])
                )
            ]),
            read: { node, reader in
                let place = node.mark
                var read: [OriginPattern]?
                if case .list(let nodes) = node.content {
                    let parts = nodes.enumerated().map { index, node in
                        reader.within(.index(index), at: node.mark) { $0.origins(node, expected: words) }
                    }
                    // One that cannot be read has been reported.
                    guard !parts.contains(where: { $0 == nil }) else { return nil }
                    read = parts.compactMap(\.self).flatMap(\.self)
                } else {
                    read = reader.origins(node, expected: words)
                }
                guard let read else { return nil }
                var seen: Set<OriginPattern> = []
                let origins = read.filter { seen.insert($0).inserted }
                guard (1...OriginSet.capacity).contains(origins.count) else {
                    reader.report(
                        at: place,
                        origins.isEmpty
                            ? "\(reader.path.text): no origin is named; `cors: off` allows none"
                            : "\(reader.path.text): \(origins.count) origins; at most \(OriginSet.capacity)")
                    return nil
                }
                return origins
            },
            write: {
                $0.isEmpty ? nil : "[" + $0.map { YAMLText.scalar($0.text) }.joined(separator: ", ") + "]"
            })
    }
}

extension Reader {
    /// The origins of one text, with commas between them.
    fileprivate mutating func origins(_ node: DocumentNode, expected words: String) -> [OriginPattern]? {
        // Written without quotes it is YAML's word for nothing, and here it is an origin.
        if case .scalar(let scalar) = node.content, scalar.isPlain, scalar.text == "null" { return [.null] }
        return scalar(node, expected: words) { text throws(Refusal) in
            let parts = text.split(separator: ",").map { $0.trimmingBlanks }.filter { !$0.isEmpty }
            var origins: [OriginPattern] = []
            for (index, part) in parts.enumerated() {
                do throws(Refusal) {
                    origins.append(try OriginPattern(parsing: part))
                } catch {
                    guard parts.count > 1 else { throw error }
                    throw Refusal(
                        "entry \(index + 1) of \(parts.count): \(error.reason ?? "no origin")",
                        suggestion: error.suggestion)
                }
            }
            return origins
        }
    }
}

extension Substring {
    fileprivate var trimmingBlanks: String {
        var rest = self.drop { $0.isWhitespace }
        while rest.last?.isWhitespace == true { rest.removeLast() }
        return String(rest)
    }
}

extension Kind where Value == CORSSettings.Names {
    fileprivate static var names: Kind {
        let list = Kind<[String]>.list(of: .corsHeader, 0...64)
        return Kind(
            words: "\"*\" or a list of header names",
            schema: .object([("anyOf", .array([.object([("const", .string("*"))]), list.schema]))]),
            read: { node, reader in
                if case .scalar(let scalar) = node.content, scalar.text == "*" { return .any }
                guard let names = list.read(node, &reader) else { return nil }
                guard names.reduce(0, { $0 + $1.utf8.count + 2 }) <= CORSSettings.longestNames else {
                    reader.report(
                        at: node.mark,
                        "\(reader.path.text): names of more than \(CORSSettings.longestNames) bytes together")
                    return nil
                }
                return .listed(names)
            },
            write: { names in
                switch names {
                case .any: "\"*\""
                case .listed(let names): list.write(names)
                }
            })
    }
}

extension Kind where Value == String {
    fileprivate static var corsHeader: Kind {
        .scalar("a header's name") { text throws(Refusal) in
            guard text != "*" else { throw Refusal("\"*\" stands alone, not in a list") }
            try Header.check(name: text)
            return text
        } write: {
            YAMLText.scalar($0)
        }
    }

    /// Methods that the Fetch standard calls forbidden never leave a page.
    fileprivate static var corsMethod: Kind {
        .scalar("a method such as GET") { text throws(Refusal) in
            guard text == text.uppercased() else {
                throw Refusal("methods are written in capitals", suggestion: text.uppercased())
            }
            let isToken = !text.isEmpty && text.utf8.allSatisfy { $0 >= 0x41 && $0 <= 0x5A || $0 == 0x2D }
            guard isToken, text.utf8.count <= 32 else { throw Refusal() }
            guard !["CONNECT", "TRACE", "TRACK"].contains(text) else {
                throw Refusal("no browser lets a page use this method")
            }
            return text
        } write: {
            $0
        }
    }
}
