import HTTPModel
import Pipeline
import Settings
import Stores
import Time

/// What the admin listener does with API keys and with revocations of tokens. Bodies are JSON objects.
struct CredentialRoutes {
    let source: any CredentialSource
    let now: WallTime

    private enum Endpoint: CaseIterable {
        case keys, makeKey, revokeKey, rotateKey, revocations, revoke, restore

        var method: Method {
            switch self {
            case .keys, .revocations: .get
            case .makeKey, .revokeKey, .rotateKey, .revoke, .restore: .post
            }
        }

        var path: String {
            switch self {
            case .keys, .makeKey: "/keys"
            case .revokeKey: "/keys/revoke"
            case .rotateKey: "/keys/rotate"
            case .revocations, .revoke: "/revocations"
            case .restore: "/revocations/remove"
            }
        }

        var guide: String {
            switch self {
            case .keys: "API keys without their secrets, as JSON"
            case .makeKey: "{owner, plan, scopes, roles, expires, note} makes an API key and shows it once"
            case .revokeKey: "{id, remove} ends a key at once; with remove it is forgotten as well"
            case .rotateKey: "{id, grace, expires} makes another key like it, which goes on for a while"
            case .revocations: "tokens that no longer count, by hashes, as JSON"
            case .revoke: "{jti, subject or token, issuer, until, issued_before} ends tokens at once"
            case .restore: "{key} lets what was revoked count again"
            }
        }
    }

    static let index: String = Endpoint.allCases.map { endpoint in
        let method = if case .get = endpoint.method { "GET " } else { "POST" }
        let padding = String(repeating: " ", count: max(1, 21 - endpoint.path.count))
        return "\(method) \(endpoint.path)\(padding)\(endpoint.guide)\n"
    }.joined()

    /// Nil for what is none of this.
    func answer(_ request: AdminRequest) -> AdminResponse? {
        let endpoints = Endpoint.allCases.filter { $0.path == request.path }
        guard !endpoints.isEmpty else { return nil }
        let wanted = endpoints.first { endpoint in
            switch (endpoint.method, request.method) {
            case (.get, .get), (.get, .head), (.post, .post): true
            default: false
            }
        }
        guard let wanted else {
            let allowed = endpoints.map { if case .get = $0.method { "GET, HEAD" } else { "POST" } }
                .joined(separator: ", ")
            return .problem(405, "This path answers to \(allowed).", fields: [("Allow", allowed)])
        }
        do throws(APIKeyOrder.Failure) {
            switch wanted {
            case .keys: return listKeys()
            case .makeKey: return try makeKey(JSONFields(request.body))
            case .revokeKey: return try revokeKey(JSONFields(request.body))
            case .rotateKey: return try rotateKey(JSONFields(request.body))
            case .revocations: return RevocationList(table: source.revocations, now: now).all()
            case .revoke:
                return try RevocationList(table: source.revocations, now: now).add(JSONFields(request.body))
            case .restore:
                return try RevocationList(table: source.revocations, now: now).remove(
                    JSONFields(request.body))
            }
        } catch {
            return .problem(error.status, error.description)
        }
    }

    // MARK: Keys

    private func listKeys() -> AdminResponse {
        let records: [APIKeyRecord]
        if let file = source.keyFile {
            guard let read = try? APIKeyFile(path: file).read() else {
                return .problem(503, "The file of keys cannot be read now.")
            }
            records = read
        } else {
            records = source.apiKeys.apiKeys(now: now)
        }
        return .json(
            .object([
                ("kept_in", .string(source.keyFile ?? "memory")),
                ("keys", .array(records.map { $0.shown(at: now) })),
            ]))
    }

    /// A file is the operator's: what the admin listener wrote into it would come as a surprise.
    private func checkTable() throws(APIKeyOrder.Failure) {
        guard source.takesKeys else {
            throw APIKeyOrder.Failure("the settings have no identity.api_keys", status: 409)
        }
        guard let file = source.keyFile else { return }
        throw APIKeyOrder.Failure(
            "keys stand in \(file): floodgate keys with --file changes it", status: 409)
    }

    private func makeKey(_ fields: JSONFields) throws(APIKeyOrder.Failure) -> AdminResponse {
        let order = try APIKeyOrder(fields)
        try checkTable()
        return try fill(order)
    }

    private func fill(_ order: APIKeyOrder) throws(APIKeyOrder.Failure) -> AdminResponse {
        // The kernel's own generator.
        var random = SystemRandomNumberGenerator()
        let made = try order.fill(now: now, &random) { source.apiKeys.record(of: $0, now: now) != nil }
        try keep(made.record)
        return .json(
            .object([("key", .string(made.key)), ("record", made.record.shown(at: now))]), status: 201)
    }

    private func keep(_ record: APIKeyRecord) throws(APIKeyOrder.Failure) {
        switch source.apiKeys.put(record, now: now) {
        case .stored: return
        case .full: throw APIKeyOrder.Failure("there are as many keys as there may be", status: 503)
        case .tooLong: throw APIKeyOrder.Failure("the key's record is too long")
        case .expired: throw APIKeyOrder.Failure("expires: that is over already")
        }
    }

    private func find(_ fields: JSONFields) throws(APIKeyOrder.Failure) -> APIKeyRecord {
        guard let text = try fields.text("id") else { throw APIKeyOrder.Failure("id is missing") }
        guard let id = APIKeyID(text), let record = source.apiKeys.record(of: id, now: now) else {
            throw APIKeyOrder.Failure("no key has the id \(text.prefix(32))", status: 404)
        }
        return record
    }

    private func revokeKey(_ fields: JSONFields) throws(APIKeyOrder.Failure) -> AdminResponse {
        try checkTable()
        var record = try find(fields)
        let isRemoved = try fields.flag("remove")
        try fields.refuseOthers()
        record = record.ending(after: .zero, now: now)
        if isRemoved { source.apiKeys.remove(record.id) } else { try keep(record) }
        return .json(.object([("record", record.shown(at: now))]))
    }

    private func rotateKey(_ fields: JSONFields) throws(APIKeyOrder.Failure) -> AdminResponse {
        try checkTable()
        let record = try find(fields)
        let grace = try fields.duration("grace") ?? APIKeyRecord.grace
        let expires = try fields.time("expires") ?? record.expires
        try fields.refuseOthers()
        guard record.state(at: now) == .valid else {
            throw APIKeyOrder.Failure(
                "\(record.id.text) does not count any more: make a new key", status: 409)
        }
        let response = try fill(APIKeyOrder(like: record, expires: expires))
        try keep(record.ending(after: grace, now: now))
        return response
    }
}

extension APIKeyRecord {
    /// What people and programs are shown of a key.
    func shown(at now: WallTime) -> JSONValue {
        .object([("id", .string(id.text)), ("state", .string(state(at: now).rawValue))] + facts)
    }
}
