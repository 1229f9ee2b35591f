import Bytes
import Pipeline
import Settings
import Time

/// A key that somebody wants.
package struct APIKeyOrder: Equatable, Sendable {
    package var owner: String
    package var plan: String?
    package var scopes: [String] = []
    package var roles: [String] = []
    /// Nil for never.
    package var expires: WallTime?
    package var note: String?

    package init(owner: String) { self.owner = owner }

    /// A key like this one, for its owner.
    init(like record: APIKeyRecord, expires: WallTime?) {
        owner = record.owner
        plan = record.plan
        scopes = record.scopes
        roles = record.roles
        self.expires = expires
        note = record.note
    }

    /// Why something with keys did not happen.
    package struct Failure: Error, Equatable, Sendable, CustomStringConvertible {
        /// As HTTP would say it.
        package let status: Int
        package let description: String

        init(_ description: String, status: Int = 422) {
            self.status = status
            self.description = description
        }
    }

    /// A new key and its record. The key itself stands nowhere else.
    ///
    /// - Parameter isTaken: Whether an id has been given away.
    func fill(
        now: WallTime, _ random: inout some RandomNumberGenerator, isTaken: (APIKeyID) -> Bool
    ) throws(Failure) -> (key: String, record: APIKeyRecord) {
        if let expires, expires <= now { throw Failure("expires: that is over already") }
        // Two draws of 62^10 do not meet; a generator that is broken would.
        for _ in 0..<4 {
            let text = APIKey.make(&random)
            guard let key = Array(text.utf8).withView({ APIKey($0) }), !isTaken(key.id) else { continue }
            var record = APIKeyRecord(id: key.id, digest: key.digest, owner: owner, created: now.inSeconds)
            record.plan = plan
            record.scopes = scopes
            record.roles = roles
            record.expires = expires
            record.note = note
            if let problem = record.problem { throw Failure(problem) }
            return (text, record)
        }
        throw Failure("no id was free in four draws: is the system's generator sound?", status: 503)
    }
}

extension APIKeyRecord {
    /// How long a key lives on beside the one that replaces it, unless somebody says otherwise.
    package static let grace = Duration.seconds(86_400)

    /// The same, ending `grace` from now, or when it would have ended before that.
    func ending(after grace: Duration, now: WallTime) -> APIKeyRecord {
        var record = self
        guard grace > .zero else {
            record.revoked = now.inSeconds
            return record
        }
        let end = WallTime(nanoseconds: now.nanoseconds + grace.nanoseconds)
        record.expires = min(end, expires ?? end)
        return record
    }
}

extension WallTime {
    /// Rounded down, as records keep it.
    fileprivate var inSeconds: WallTime { WallTime(nanoseconds: seconds * 1_000_000_000) }
}

// MARK: - As the admin listener takes it

extension APIKeyOrder {
    package var json: JSONValue {
        var members: [(String, JSONValue)] = [("owner", .string(owner))]
        if let plan { members.append(("plan", .string(plan))) }
        if !scopes.isEmpty { members.append(("scopes", .array(scopes.map(JSONValue.string)))) }
        if !roles.isEmpty { members.append(("roles", .array(roles.map(JSONValue.string)))) }
        if let expires { members.append(("expires", .string(expires.timestamp))) }
        if let note { members.append(("note", .string(note))) }
        return .object(members)
    }

    init(_ fields: JSONFields) throws(Failure) {
        guard let owner = try fields.text("owner") else { throw Failure("owner is missing") }
        self.init(owner: owner)
        plan = try fields.text("plan")
        scopes = try fields.texts("scopes")
        roles = try fields.texts("roles")
        expires = try fields.time("expires")
        note = try fields.text("note")
        try fields.refuseOthers()
    }
}

/// The members of a body, each taken once and with its kind.
final class JSONFields {
    private var members: [String: JSONValue] = [:]

    init(_ body: [UInt8]) throws(APIKeyOrder.Failure) {
        guard case .object(let given)? = JSONValue(parsing: body) else {
            throw APIKeyOrder.Failure("the body is to be a JSON object", status: 400)
        }
        for (name, value) in given where members.updateValue(value, forKey: name) != nil {
            throw APIKeyOrder.Failure("\(name) stands twice", status: 400)
        }
    }

    func text(_ name: String) throws(APIKeyOrder.Failure) -> String? {
        guard let value = members.removeValue(forKey: name) else { return nil }
        guard let text = value.textValue else { throw APIKeyOrder.Failure("\(name): a text is expected") }
        return text
    }

    func texts(_ name: String) throws(APIKeyOrder.Failure) -> [String] {
        guard let value = members.removeValue(forKey: name) else { return [] }
        let texts = value.elements?.compactMap(\.textValue)
        guard let texts, texts.count == value.elements?.count else {
            throw APIKeyOrder.Failure("\(name): a list of texts is expected")
        }
        return texts
    }

    func time(_ name: String) throws(APIKeyOrder.Failure) -> WallTime? {
        guard let text = try text(name) else { return nil }
        guard let time = WallTime(timestamp: text) else {
            throw APIKeyOrder.Failure("\(name): a time such as 2027-01-31T12:00:00Z is expected")
        }
        return time
    }

    func flag(_ name: String) throws(APIKeyOrder.Failure) -> Bool {
        switch members.removeValue(forKey: name) {
        case nil: false
        case .bool(let value): value
        default: throw APIKeyOrder.Failure("\(name): true or false is expected")
        }
    }

    func duration(_ name: String) throws(APIKeyOrder.Failure) -> Duration? {
        guard let text = try text(name) else { return nil }
        guard let duration = try? Quantity.duration(text) else {
            throw APIKeyOrder.Failure("\(name): a duration such as 24h is expected")
        }
        return duration
    }

    func refuseOthers() throws(APIKeyOrder.Failure) {
        guard let name = members.keys.min() else { return }
        throw APIKeyOrder.Failure("\(name.prefix(32)) means nothing here")
    }
}
