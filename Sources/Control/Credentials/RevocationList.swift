import Bytes
import JWT
import Settings
import Stores
import Time

/// Tokens that were revoked before their time, as operators see and change them. The table holds hashes:
/// whom they are about can be asked, not read off.
struct RevocationList {
    let table: SharedTable
    let now: WallTime

    /// How far ahead an entry may end. One has to: a list that only grows is full some day, and a token that
    /// has ended needs no entry.
    private static let longest = Duration.seconds(10 * 366 * 86_400)

    func all() -> AdminResponse {
        let entries = table.entries(now: now).map { entry -> JSONValue in
            let kind = entry.key.first.flatMap(RevocationKind.init)
            var members: [(String, JSONValue)] = [
                ("key", .string(Hexadecimal.text(entry.key))),
                ("kind", .string(kind?.name ?? "unknown")),
                ("until", .string(entry.expires.timestamp)),
            ]
            if kind == .subject, let milliseconds = entry.value.withView({ $0.decimal() }) {
                let time = WallTime(nanoseconds: Int64(milliseconds) * 1_000_000)
                members.append(("issued_before", .string(time.timestamp)))
            }
            return .object(members)
        }
        return .json(.object([("revocations", .array(entries))]))
    }

    func add(_ fields: JSONFields) throws(APIKeyOrder.Failure) -> AdminResponse {
        let (key, value) = try entry(fields)
        guard let until = try fields.time("until") else {
            throw APIKeyOrder.Failure("until is missing: when the last of these tokens has ended by itself")
        }
        try fields.refuseOthers()
        guard until.nanoseconds <= now.nanoseconds + Self.longest.nanoseconds else {
            throw APIKeyOrder.Failure("until: ten years ahead at most")
        }
        let change = key.bytes.withView { bytes in
            // What was revoked for longer stays so.
            let known = table.read(bytes, now: now) { _, expires in expires }
            return value.withView { table.put(bytes, $0, expires: max(until, known ?? until), now: now) }
        }
        switch change {
        case .stored: break
        case .full: throw APIKeyOrder.Failure("there are as many revocations as there may be", status: 503)
        case .tooLong: throw APIKeyOrder.Failure("that is too long")
        case .expired: throw APIKeyOrder.Failure("until: that is over already")
        }
        return .json(
            .object([
                ("key", .string(key.text)), ("kind", .string(key.kind.name)),
                ("until", .string(until.timestamp)),
            ]), status: 201)
    }

    /// What is to be revoked: one of the three ways to say it.
    private func entry(
        _ fields: JSONFields
    ) throws(APIKeyOrder.Failure) -> (key: RevocationKey, value: [UInt8]) {
        let (jti, subject, token) = (
            try fields.text("jti"), try fields.text("subject"), try fields.text("token")
        )
        guard [jti, subject, token].count(where: { $0 != nil }) == 1 else {
            throw APIKeyOrder.Failure("one of jti, subject and token says what is revoked")
        }
        if let token {
            guard let key = Array(token.utf8).withView({ RevocationKey.token($0) }) else {
                throw APIKeyOrder.Failure("token: that is no token of three parts")
            }
            return (key, RevocationEntry.present)
        }
        // Names are the issuer's own: without it nothing would be found, and nobody would notice.
        guard let issuer = try fields.text("issuer").map({ Array($0.utf8) }) else {
            throw APIKeyOrder.Failure("issuer is missing: iss of the tokens, empty where they have none")
        }
        if let jti { return (.tokenID(Array(jti.utf8), issuer: issuer), RevocationEntry.present) }
        let before = try fields.time("issued_before") ?? now
        return (
            .subject(Array((subject ?? "").utf8), issuer: issuer), RevocationEntry.issuedBefore(before)
        )
    }

    func remove(_ fields: JSONFields) throws(APIKeyOrder.Failure) -> AdminResponse {
        let text = try fields.text("key") ?? ""
        try fields.refuseOthers()
        guard let key = Hexadecimal.bytes(text), key.count == RevocationKey.length,
            key.withView({ table.remove($0) })
        else { throw APIKeyOrder.Failure("nothing is revoked by this key", status: 404) }
        return .json(.object([("key", .string(text))]))
    }
}

extension RevocationKind {
    var name: String {
        switch self {
        case .tokenID: "jti"
        case .subject: "subject"
        case .token: "token"
        }
    }
}

private enum Hexadecimal {
    static func text(_ bytes: [UInt8]) -> String {
        ByteWriter.text(capacity: max(1, 2 * bytes.count)) { writer in
            for byte in bytes { writer.write(hexadecimal: UInt64(byte), width: 2) }
        }
    }

    static func bytes(_ text: String) -> [UInt8]? {
        let digits = text.utf8.map { ASCII.hexValue($0) }
        guard digits.count % 2 == 0, digits.allSatisfy({ $0 != nil }) else { return nil }
        return stride(from: 0, to: digits.count, by: 2).map { (digits[$0] ?? 0) << 4 | (digits[$0 + 1] ?? 0) }
    }
}
