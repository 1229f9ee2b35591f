import Bytes
import HTTPModel
import JWT
import Telemetry
import Time

/// API keys as one worker uses them. Immutable.
package struct APIKeyPlan: Sendable {
    /// In lower case.
    let header: [UInt8]
    package let forwards: Bool
    private let fields: [(line: [UInt8], fact: APIKeySettings.Fact)]
    /// The keys of the settings' file; nil where keys stand in a table.
    let file: APIKeySet?
    private let issuer = PinnedText("api_keys")

    init(_ settings: APIKeySettings) {
        header = Array(settings.header.lowercased().utf8)
        forwards = settings.forwards
        fields = settings.fields.compactMap { field in
            APIKeySettings.Fact(rawValue: field.value).map { (Array("\(field.name): ".utf8), $0) }
        }
        file = settings.file == nil ? nil : settings.material
    }

    /// What a key's record says of whoever shows it. Records were checked: nothing of them ends a line.
    func identity(of record: APIKeyRecord, in plan: IdentityPlan) -> Identity {
        let level = record.plan ?? plan.defaultPlan
        var lines: [UInt8] = []
        for field in fields {
            let value =
                switch field.fact {
                case .owner: record.owner
                case .id: record.id.text
                case .scopes: record.scopes.joined(separator: " ")
                case .roles: record.roles.joined(separator: ",")
                }
            if !value.isEmpty { lines += field.line + Array(value.utf8) + Array("\r\n".utf8) }
        }
        if let level { lines += plan.planLine + Array(level.utf8) + Array("\r\n".utf8) }
        return Identity(
            .apiKey, subject: record.owner, issuer: issuer, plan: level,
            scopes: record.scopes.map { Array($0.utf8) }, roles: record.roles.map { Array($0.utf8) },
            fieldLines: lines, stripped: plan.stripped, keyID: record.id.text)
    }
}

/// The key that a request shows.
enum APIKeyFinder {
    enum Found {
        case one(ByteView)
        /// The field stands there more than once: whoever reads the other one would see somebody else.
        case several
    }

    /// Nil where there is none. The field of its own comes before Authorization.
    static func find(_ head: borrowing RequestHead, _ plan: borrowing APIKeyPlan) -> Found? {
        var found: ByteView?
        for index in 0..<head.fields.count where head.fields[index].name == .other {
            guard plan.header.withView({ head.name(at: index).equalsIgnoringCase($0) }) else { continue }
            if found != nil { return .several }
            found = head.value(at: index)
        }
        if let found { return .one(found) }
        return head.value(of: .authorization).flatMap(credentials).map(Found.one)
    }

    /// The key of an Authorization field's value, if it holds one: behind the scheme `ApiKey`, or behind
    /// `Bearer` where it begins as our keys do.
    static func credentials(_ value: ByteView) -> ByteView? {
        if value.count > 7, value.prefix(7).equalsIgnoringCase("apikey ") {
            return value.dropFirst(7).trimmed()
        }
        guard value.count > 7, value.prefix(7).equalsIgnoringCase("bearer ") else { return nil }
        let token = value.dropFirst(7).trimmed()
        return token.hasPrefix(APIKey.mark) ? token : nil
    }
}

/// A key that was shown and found good, as this worker remembers it.
private final class KnownKey: Sendable {
    let identity: Identity
    let digest: SHA256Value
    let expires: WallTime?
    let revoked: WallTime?
    /// Version of the table that it was read from.
    let checked: UInt64

    init(_ record: APIKeyRecord, identity: Identity, checked: UInt64) {
        self.identity = identity
        digest = record.digest
        expires = record.expires
        revoked = record.revoked
        self.checked = checked
    }
}

/// What a key turned out to be.
package enum KeyRecognition {
    case known(Identity)
    case refused(Refusal)

    package enum Refusal: Sendable {
        /// No key, or one that was cut or misspelt.
        case malformed
        case unknown
        /// The look-up is right and the secret is not.
        case mismatch
        case expired
        case revoked
    }
}

/// Recognises API keys for one worker. Keys that were good are remembered with what they make of their
/// bearer, so that the next request with one costs a hash and a look-up; those that were not are never kept,
/// for strangers would choose what is in here.
struct KeyRing {
    /// Two generations: when the younger one is full it becomes the older one, whose keys are forgotten
    /// unless they were shown since.
    private var young: [APIKeyID: KnownKey] = [:]
    private var old: [APIKeyID: KnownKey] = [:]

    mutating func forgetAll() {
        young = [:]
        old = [:]
    }

    /// - Parameter text: As the client sent it; not kept.
    mutating func recognise(
        _ text: ByteView, _ keys: APIKeyPlan, in plan: IdentityPlan, table: some APIKeyTable, now: WallTime
    ) -> KeyRecognition {
        guard let key = APIKey(text) else { return .refused(.malformed) }
        let version = keys.file == nil ? table.version : 0
        if let known = young[key.id], known.checked == version { return judge(key, known, now) }
        if let known = old[key.id], known.checked == version {
            remember(known, of: key.id, limit: plan.cache)
            return judge(key, known, now)
        }
        let record = keys.file.map { $0[key.id] } ?? table.record(of: key.id, now: now)
        guard let record else { return .refused(.unknown) }
        guard record.digest.isSame(as: key.digest) else { return .refused(.mismatch) }
        let known = KnownKey(record, identity: keys.identity(of: record, in: plan), checked: version)
        remember(known, of: key.id, limit: plan.cache)
        return judge(key, known, now)
    }

    private func judge(_ key: APIKey, _ known: KnownKey, _ now: WallTime) -> KeyRecognition {
        guard known.digest.isSame(as: key.digest) else { return .refused(.mismatch) }
        if let revoked = known.revoked, revoked <= now { return .refused(.revoked) }
        if let expires = known.expires, expires <= now { return .refused(.expired) }
        return .known(known.identity)
    }

    /// - Parameter limit: Keys of both generations.
    private mutating func remember(_ known: KnownKey, of id: APIKeyID, limit: Int) {
        guard limit > 0 else { return }
        if young.count >= max(1, limit / 2) {
            old = young
            young = [:]
        }
        young[id] = known
    }
}
