import JSON
import Settings

/// What a limit tells its clients apart by; several of them together where a rule names several. Whoever has
/// none of it, an anonymous client or one without the field, is told apart by the address instead.
package enum LimitHolder: Hashable, Sendable {
    /// The client's address; IPv6 by a prefix.
    case ip
    /// The user that a token or a key tells of.
    case user
    /// One API key, whoever its owner is.
    case apiKey
    /// All users of one plan together.
    case plan
    case route
    case host
    /// A request field's value, by its name in lower case.
    case header(String)
    case cookie(String)
    /// A claim of the token, by its path.
    case claim(String)

    /// Whether authentication has to come first.
    package var needsIdentity: Bool {
        switch self {
        case .user, .apiKey, .plan, .claim: true
        case .ip, .route, .host, .header, .cookie: false
        }
    }

    /// Whether its values are nobody's business but the client's.
    package var isSecret: Bool {
        switch self {
        case .header, .cookie, .claim: true
        case .ip, .user, .apiKey, .plan, .route, .host: false
        }
    }

    /// As settings and keys in Redis have it.
    package var text: String {
        switch self {
        case .ip: "ip"
        case .user: "user"
        case .apiKey: "api_key"
        case .plan: "plan"
        case .route: "route"
        case .host: "host"
        case .header(let name): "header:\(name)"
        case .cookie(let name): "cookie:\(name)"
        case .claim(let path): "claim:\(path)"
        }
    }

    private static let words = ["ip", "user", "api_key", "plan", "route", "host"]
    private static let prefixes = ["header:", "cookie:", "claim:"]

    init(_ text: String) throws(Refusal) {
        switch text {
        case "ip": self = .ip
        case "user": self = .user
        case "api_key": self = .apiKey
        case "plan": self = .plan
        case "route": self = .route
        case "host": self = .host
        default:
            guard let colon = text.firstIndex(of: ":") else {
                throw Refusal(
                    suggestion: Suggestion.nearest(
                        to: text, among: Self.words + ["everyone"] + Self.prefixes.map { "\($0)NAME" }))
            }
            try self.init(kind: text[..<colon], name: String(text[text.index(after: colon)...]))
        }
    }

    private init(kind: Substring, name: String) throws(Refusal) {
        switch kind {
        case "header":
            try Header.check(name: name)
            self = .header(name.lowercased())
        case "cookie":
            try Header.check(name: name)
            self = .cookie(name)
        case "claim":
            guard (1...128).contains(name.utf8.count), LimitHolder.isClaim(name) else {
                throw Refusal("claim:PATH names a claim such as claim:org or claim:app_metadata.team")
            }
            self = .claim(name)
        default:
            throw Refusal(suggestion: Suggestion.nearest(to: "\(kind):\(name)", among: Self.words))
        }
    }
}

extension LimitHolder {
    private static func isClaim(_ path: String) -> Bool {
        do throws(JSONPathError) { _ = try JSONPath(path) } catch { return false }
        return true
    }
}

extension Kind where Value == [LimitHolder] {
    /// `ip`, or `[user, route]`; `everyone` is none of them.
    package static var limitHolders: Kind {
        let words = "ip, user, api_key, plan, route, host, header:NAME, cookie:NAME, claim:PATH or everyone"
        let one = Kind<LimitHolder?>.scalar(words) { text throws(Refusal) in
            text == "everyone" ? nil : try LimitHolder(text)
        } write: {
            $0?.text
        }
        return Kind(
            words: "\(words), or a list of them",
            schema: .object([
                (
                    "anyOf",
                    .array([
                        one.schema,
                        .object([
                            ("type", .string("array")), ("items", one.schema), ("minItems", .number("1")),
                            ("maxItems", .number("4")),
                        ]),
                    ])
                )
            ]),
            read: { node, reader in
                guard case .list = node.content else {
                    return one.read(node, &reader).map { $0.map { [$0] } ?? [] }
                }
                guard let nodes = reader.elements(of: node, limit: 4) else { return nil }
                return holders(of: nodes, one, &reader)
            },
            write: { holders in
                switch holders.count {
                case 0: "everyone"
                case 1: YAMLText.scalar(holders[0].text)
                default: "[" + holders.map { YAMLText.scalar($0.text) }.joined(separator: ", ") + "]"
                }
            })
    }

    private static func holders(
        of nodes: [DocumentNode], _ one: Kind<LimitHolder?>, _ reader: inout Reader
    ) -> [LimitHolder]? {
        var holders: [LimitHolder] = []
        for (index, node) in nodes.enumerated() {
            let read = reader.within(.index(index), at: node.mark) { one.read(node, &$0) }
            guard let read else { return nil }
            guard let holder = read, !holders.contains(holder) else {
                let reason = read == nil ? "everyone stands alone" : "\(read?.text ?? "") is listed twice"
                reader.report(at: node.mark, "\(reader.path.text): \(reason)")
                return nil
            }
            holders.append(holder)
        }
        guard holders.reduce(0, { $0 + $1.text.utf8.count }) <= 160 else {
            reader.report(
                at: reader.mark(of: reader.path), "\(reader.path.text): names of more than 160 bytes together"
            )
            return nil
        }
        guard holders.isEmpty else { return holders }
        reader.report(at: reader.mark(of: reader.path), "\(reader.path.text): expected at least one entry")
        return nil
    }
}
