import Addressing
import Bytes
import JSON
import JWT
import Settings

extension TokenSettings {
    package static let section = Section(
        "One issuer of tokens: what it has signed, for the audiences and in force, is believed.",
        initial: TokenSettings(),
        fields: trust + keyFields + places + meaning,
        check: { settings, node, reader in settings.finish(node, &reader) })

    private static let trust: [Field<TokenSettings>] = [
        Field(
            "issuers", \.issuers, .list(of: .text("a value of iss", maxLength: 1024), 0...16), reload: .live,
            "Values of `iss` that are believed, exactly; any without it: for keys of one issuer alone.",
            example: "[\"https://x.supabase.co/auth/v1\"]"),
        Field(
            "audiences", \.audiences, .list(of: .text("a value of aud", maxLength: 1024), 0...16),
            reload: .live,
            "Values of `aud`, one of which a token must name; without it a token for anybody is believed.",
            example: "[authenticated]"),
        Field(
            "algorithms", \.algorithms, .list(of: .choice, 0...12), reload: .live,
            "Algorithms that tokens may be signed with; without it those that the keys are for. Never none.",
            example: "[ES256, RS256]"),
        Field(
            "leeway", \.leeway, .duration(.zero ... .seconds(600)), reload: .live,
            "How far clocks may differ at `exp`, `nbf` and `iat`.", example: "30s"),
        Field(
            "require_expiry", \.requiresExpiry, .bool, reload: .live,
            "Whether a token must have `exp`. Without one it lasts until it is revoked.", example: "true"),
        Field(
            "max_age", \.maximumAge, .optional(.duration(.seconds(1)...(.seconds(10 * 365 * 86_400)))),
            reload: .live,
            "Longest time since `iat`, whatever `exp` says.", example: "24h"),
        Field(
            "type", \.type, .optional(.text("a value of typ", maxLength: 64)), reload: .live,
            "What `typ` in the token's header must be.", example: "at+jwt"),
        Field(
            "claims", \.claims, .claimValues, reload: .live,
            "Claims that must be there with exactly these values (of a list, one of them).",
            example: "{ email_verified: \"true\" }"),
    ]

    private static let keyFields: [Field<TokenSettings>] = [
        Field(
            "keys", \.keys, .optional(.keyPlace), reload: .live,
            "Where the public keys are (JWKS, RFC 7517): an https URL, kept fresh here, or a file.",
            example: "https://x.supabase.co/auth/v1/.well-known/jwks.json"),
        Field(
            "allow_private", \.allowsPrivateKeys, .bool, reload: .live,
            "Whether `keys` may lead to an address of this machine or a private network.", example: "true"),
        Field(
            "authorities", \.authorities, .optional(.text("a file's path", maxLength: 4096)), reload: .live,
            "PEM file of the authorities that the server of `keys` is verified by; the system's without it.",
            example: "Certs/authority.pem"),
        Field(
            "secret", \.secret, .optional(.secretText), visibility: .secret, reload: .live,
            "The secret of HS256 (32 bytes at least), HS384 (48) or HS512 (64).",
            example: "\"${SUPABASE_JWT_SECRET}\""),
        Field(
            "secret_coding", \.secretCoding, .choice, reload: .live,
            "How `secret` is written: its bytes themselves, or base64 of them.", example: "base64"),
        Field(
            "public_key", \.publicKey, .optional(.text("a file's path", maxLength: 4096)), reload: .live,
            "PEM file of a public key or a certificate.", example: "Config/tokens.pem"),
    ]

    private static let places: [Field<TokenSettings>] = [
        Field(
            "cookie", \.cookie, .optional(.cookieName), reload: .live,
            """
            Cookie that browsers keep the token in, whole or in pieces (`.0`, `.1`), as it is or in the \
            session that Supabase writes. The Authorization field comes first.
            """,
            example: "sb-x-auth-token"),
        Field(
            "query", \.query, .optional(.text("the name of a query parameter", maxLength: 64)), reload: .live,
            "Query parameter that the request for a WebSocket may carry the token in, and no other request.",
            example: "access_token"),
        Field(
            "forward", \.forwards, .bool, reload: .live,
            "Whether backends get the Authorization field as it came.", example: "false"),
    ]

    private static let meaning: [Field<TokenSettings>] = [
        Field(
            "headers", \.fields, .claimFields, reload: .live,
            """
            Fields by which backends are told claims; a list is joined with commas (one inside of an item \
            is written %2C). What clients send in them is removed on every route.
            """,
            example: "{ X-User-Id: sub, X-User-Email: email }"),
        Field(
            "plan", \.plan, .optional(.claimPath), reload: .live,
            "Claim that holds the user's plan.", example: "app_metadata.plan"),
        Field(
            "scopes", \.scopes, .claimPath, reload: .live,
            "Claim that holds scopes: words in a text, or a list.", example: "scp"),
        Field(
            "roles", \.roles, .claimPath, reload: .live,
            "Claim that holds roles: one text, or a list.", example: "app_metadata.roles"),
    ]

    private mutating func finish(_ node: DocumentNode, _ reader: inout Reader) {
        if !node.has("keys"), !node.has("secret"), !node.has("public_key") {
            reader.report(
                at: node.mark,
                "\(reader.path.text): keys, secret or public_key: with nothing to verify them, no token holds"
            )
        }
        let isRemote = if case .url = keys { true } else { false }
        for key in ["allow_private", "authorities"] where node.has(key) && !isRemote {
            reader.report(
                .warning, at: reader.mark(of: reader.path + [.key(key)]),
                "\(reader.path.text): \(key) has no effect without keys at a URL")
        }
        if case .url(let url) = keys, url.scheme == .http, !allowsPrivateKeys {
            reader.report(
                at: reader.mark(of: reader.path + [.key("keys")]),
                "\(reader.path.text): keys by http can be exchanged on their way; use https")
        }
        checkSecret(node, &reader)
        if issuers.isEmpty, isRemote {
            reader.report(
                .warning, at: node.mark,
                "\(reader.path.text): without issuers, tokens of any `iss` are believed")
        }
        if audiences.isEmpty {
            reader.report(
                .warning, at: node.mark,
                "\(reader.path.text): without audiences, tokens made for other services are believed"
            )
        }
    }

    /// A secret is judged as soon as it is read: a weak one can be guessed from a single token.
    private func checkSecret(_ node: DocumentNode, _ reader: inout Reader) {
        guard secret != nil else { return }
        let mark = reader.mark(of: reader.path + [.key("secret")])
        guard let bytes = secretBytes else {
            return reader.report(
                at: mark, "\(reader.path.text): secret: no base64: write it as it is, or secret_coding: text")
        }
        do throws(KeyError) {
            _ = try secretKey(bytes)
        } catch {
            reader.report(at: mark, "\(reader.path.text): secret: \(error)")
        }
    }

    package var allowed: AlgorithmSet {
        algorithms.isEmpty ? .all : algorithms.reduce(into: []) { $0.insert(AlgorithmSet($1)) }
    }

    /// The secret itself; nil for none, and where it cannot be read.
    package var secretBytes: [UInt8]? {
        guard let secret else { return nil }
        return switch secretCoding {
        case .text: Array(secret.utf8)
        case .base64: Base64.decode(secret)
        }
    }
}

// MARK: - Kinds that only tokens have

extension Kind where Value == TokenSettings.KeyPlace {
    fileprivate static var keyPlace: Kind {
        .scalar("an https URL or a file's path") { text throws(Refusal) in
            guard text.contains("://") else {
                guard (1...4096).contains(text.utf8.count) else { throw Refusal() }
                return .file(text)
            }
            do throws(HTTPURL.Problem) {
                return .url(try HTTPURL(text))
            } catch {
                throw Refusal("\(error)")
            }
        } write: {
            switch $0 {
            case .url(let url): YAMLText.scalar(url.description)
            case .file(let path): YAMLText.scalar(path)
            }
        }
    }
}

extension Kind where Value == String {
    fileprivate static var secretText: Kind {
        .text("a secret of 32 bytes at least", maxLength: 4096)
    }

    /// RFC 6265 §4.1.1: a token.
    fileprivate static var cookieName: Kind {
        .text("a cookie's name", maxLength: 128) { text throws(Refusal) in
            guard !text.isEmpty, text.utf8.allSatisfy(ASCII.isToken) else { throw Refusal() }
        }
    }

    /// The way to a claim.
    package static var claimPath: Kind {
        .text("a claim such as app_metadata.plan", maxLength: 256) { text throws(Refusal) in
            do throws(JSONPathError) { _ = try JSONPath(text) } catch { throw Refusal("\(error)") }
        }
    }
}

extension Kind where Value == [HeaderField] {
    /// Names of identity headers, each with the way to a claim.
    fileprivate static var claimFields: Kind {
        let kind = Kind.headers("a map of header names to claims", allowsFraming: false)
        return Kind(
            words: kind.words, schema: kind.schema,
            read: { node, reader in
                guard let fields = kind.read(node, &reader) else { return nil }
                for field in fields {
                    let mark = reader.mark(of: reader.path + [.key(field.name)])
                    do throws(Refusal) { try IdentityHeader.check(field.name) } catch {
                        reader.report(
                            at: mark, "\(reader.path.text): \(field.name): \(error.reason ?? "no name")")
                    }
                    do throws(JSONPathError) { _ = try JSONPath(field.value) } catch {
                        reader.report(at: mark, "\(reader.path.text): \(field.name): \(error)")
                    }
                }
                return fields
            },
            write: kind.write)
    }

    /// Ways to claims, each with the value that it must lead to. One that leads nowhere would be a rule that
    /// no token is held to, or none that any token meets.
    package static var claimValues: Kind {
        let words = "a map of claims to values"
        return Kind(
            words: words, schema: Kind.headers(words, allowsFraming: true).schema,
            read: { node, reader in
                guard let entries = reader.entries(of: node, limit: 16) else { return nil }
                return entries.compactMap { entry in
                    reader.within(.key(entry.key), at: entry.value.mark) { reader in
                        do throws(JSONPathError) { _ = try JSONPath(entry.key) } catch {
                            reader.report(at: entry.keyMark, "\(reader.path.text): \(error)")
                            return nil
                        }
                        let value = reader.scalar(entry.value, expected: "a claim's value") {
                            text throws(Refusal) in
                            guard (1...1024).contains(text.utf8.count) else {
                                throw Refusal("a claim's value has 1 to 1024 bytes")
                            }
                            return text
                        }
                        return value.map { HeaderField(entry.key, $0) }
                    }
                }
            },
            write: { claims in
                let pairs = claims.map { "\(YAMLText.scalar($0.name)): \(YAMLText.scalar($0.value))" }
                return pairs.isEmpty ? "{}" : "{ " + pairs.joined(separator: ", ") + " }"
            })
    }
}
