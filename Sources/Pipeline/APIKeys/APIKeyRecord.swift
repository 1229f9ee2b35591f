import Bytes
import JSON
import JWT
import Settings
import Time

/// What is known of an API key, but for its secret.
package struct APIKeyRecord: Equatable, Sendable {
    package let id: APIKeyID
    /// Of the whole key.
    package var digest: SHA256Value
    /// Whom backends are told of. Several keys may have one: that is how they are replaced.
    package var owner: String
    package var plan: String?
    package var scopes: [String] = []
    package var roles: [String] = []
    package var created: WallTime
    /// Nil for never.
    package var expires: WallTime?
    package var revoked: WallTime?
    /// For people.
    package var note: String?

    package init(id: APIKeyID, digest: SHA256Value, owner: String, created: WallTime) {
        self.id = id
        self.digest = digest
        self.owner = owner
        self.created = created
    }

    /// Whether it counts at a time.
    package func state(at now: WallTime) -> State {
        if let revoked, revoked <= now { return .revoked }
        if let expires, expires <= now { return .expired }
        return .valid
    }

    package enum State: String, Sendable { case valid, expired, revoked }

    /// Bytes that a record takes as JSON, at most.
    package static let longest = 2048
    /// Scopes, and roles, of one key.
    package static let mostScopes = 64

    /// Why a record is not kept; nil for one that may be.
    package var problem: String? {
        func isWord(_ text: String, _ longest: Int) -> Bool {
            !text.isEmpty && text.utf8.count <= longest
                && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != 0x22 && $0 != 0x5C }
        }
        guard (1...128).contains(owner.utf8.count),
            Array(owner.utf8).withView({ IdentityPlan.isFieldValue($0) })
        else { return "owner: 1 to 128 bytes without controls" }
        if let plan, !isWord(plan, 64) { return "plan: 1 to 64 visible characters without quotes and \\" }
        for (name, list) in [("scopes", scopes), ("roles", roles)] {
            guard list.count <= Self.mostScopes, list.allSatisfy({ isWord($0, 128) }) else {
                return "\(name): up to \(Self.mostScopes) of 1 to 128 visible characters each"
            }
        }
        if let note {
            guard note.utf8.count <= 256, !note.unicodeScalars.contains(where: { $0.value < 0x20 }) else {
                return "note: up to 256 bytes without controls"
            }
        }
        guard json.text.utf8.count <= Self.longest else { return "more than \(Self.longest) bytes as JSON" }
        return nil
    }
}

// MARK: - JSON

/// Why a text holds no records, and at which byte of it.
package struct APIKeyFault: Error, Equatable, Sendable {
    package let offset: Int
    package let reason: String

    init(_ reason: String, at offset: Int) {
        self.offset = offset
        self.reason = reason
    }
}

extension APIKeyRecord {
    /// As files and stores keep it.
    package var json: JSONValue {
        .object([("id", .string(id.text)), ("sha256", .string(digest.text))] + facts)
    }

    /// Without the digest: what people are shown.
    package var facts: [(String, JSONValue)] {
        var members: [(String, JSONValue)] = [("owner", .string(owner))]
        if let plan { members.append(("plan", .string(plan))) }
        if !scopes.isEmpty { members.append(("scopes", .array(scopes.map(JSONValue.string)))) }
        if !roles.isEmpty { members.append(("roles", .array(roles.map(JSONValue.string)))) }
        members.append(("created", .string(created.timestamp)))
        if let expires { members.append(("expires", .string(expires.timestamp))) }
        if let revoked { members.append(("revoked", .string(revoked.timestamp))) }
        if let note { members.append(("note", .string(note))) }
        return members
    }

    /// A text that is one record.
    package init(_ text: ByteView) throws(APIKeyFault) {
        let element: JSONElement
        do throws(JSONFault) {
            element = try JSONScanner.check(text, limits: JSONLimits(length: Self.longest, depth: 4))
        } catch {
            throw APIKeyFault("no JSON (\(error.kind))", at: error.offset)
        }
        try self.init(element, in: text)
    }

    /// A record inside a text that was checked.
    init(_ element: JSONElement, in text: ByteView) throws(APIKeyFault) {
        var draft = Draft()
        guard var members = JSONMembers(of: element, in: text) else {
            throw APIKeyFault("a key is an object", at: element.start)
        }
        while let member = (try? members.next()) ?? nil {
            let name = member.name.bytes(in: text).map { String(decoding: $0, as: UTF8.self) } ?? ""
            try draft.take(name, member.value, in: text)
        }
        guard let id = draft.id else { throw APIKeyFault("id is missing", at: element.start) }
        guard let digest = draft.digest else { throw APIKeyFault("sha256 is missing", at: element.start) }
        guard let owner = draft.owner else { throw APIKeyFault("owner is missing", at: element.start) }
        self.init(
            id: id, digest: digest, owner: owner, created: draft.created ?? WallTime(nanoseconds: 0))
        plan = draft.plan
        scopes = draft.scopes
        roles = draft.roles
        expires = draft.expires
        revoked = draft.revoked
        note = draft.note
        if let problem { throw APIKeyFault(problem, at: element.start) }
    }

    /// What has been read of a record. What nobody knows is refused: a misspelt `expires` would let a key
    /// live for ever.
    private struct Draft {
        var id: APIKeyID?
        var digest: SHA256Value?
        var owner, plan, note: String?
        var scopes: [String] = []
        var roles: [String] = []
        var created, expires, revoked: WallTime?
        private var seen: Set<String> = []

        mutating func take(_ name: String, _ value: JSONElement, in text: ByteView) throws(APIKeyFault) {
            guard seen.insert(name).inserted else {
                throw APIKeyFault("\(name) stands twice", at: value.start)
            }
            switch name {
            case "id":
                id = APIKeyID(try string(name, value, text))
                if id == nil { throw APIKeyFault("id: ten letters and digits", at: value.start) }
            case "sha256":
                digest = Array(try string(name, value, text).utf8).withView { SHA256Value(hexadecimal: $0) }
                if digest == nil { throw APIKeyFault("sha256: 64 hexadecimal digits", at: value.start) }
            case "owner": owner = try string(name, value, text)
            case "plan": plan = try string(name, value, text)
            case "note": note = try string(name, value, text)
            case "scopes": scopes = try strings(name, value, text)
            case "roles": roles = try strings(name, value, text)
            case "created": created = try time(name, value, text)
            case "expires": expires = try time(name, value, text)
            case "revoked": revoked = try time(name, value, text)
            default: throw APIKeyFault("\(name.prefix(32)) is no member of a key", at: value.start)
            }
        }

        private func string(_ name: String, _ value: JSONElement, _ text: ByteView) throws(APIKeyFault)
            -> String
        {
            guard let bytes = value.bytes(in: text) else {
                throw APIKeyFault("\(name): a text is expected", at: value.start)
            }
            return String(decoding: bytes, as: UTF8.self)
        }

        private func strings(
            _ name: String, _ value: JSONElement, _ text: ByteView
        ) throws(APIKeyFault) -> [String] {
            guard var items = JSONItems(of: value, in: text) else {
                throw APIKeyFault("\(name): a list of texts is expected", at: value.start)
            }
            var strings: [String] = []
            while let item = (try? items.next()) ?? nil { strings.append(try string(name, item, text)) }
            return strings
        }

        private func time(_ name: String, _ value: JSONElement, _ text: ByteView) throws(APIKeyFault)
            -> WallTime
        {
            guard let time = WallTime(timestamp: try string(name, value, text)) else {
                throw APIKeyFault("\(name): a time such as 2027-01-31T12:00:00Z", at: value.start)
            }
            return time
        }
    }
}
