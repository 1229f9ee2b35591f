import Addressing
import Bytes
import Settings
import Time

/// What the admin listener answers about bans.
struct BanRoutes {
    let source: any AdminSource
    let now: WallTime

    /// How long an operator's ban holds unless the request says otherwise, and at most.
    private static let usual = Duration.seconds(600)
    private static let longest = Duration.seconds(365 * 86_400)

    func list() -> AdminResponse {
        .json(.object([("bans", .array(source.currentBans().map { $0.json(now: now) }))]))
    }

    func add(_ request: AdminRequest) -> AdminResponse {
        guard let text = request.value(of: "address"), let address = IPAddress(text) else {
            return .problem(400, "?address= is the address to ban.")
        }
        var lasting = Self.usual
        if let text = request.value(of: "for") {
            guard let wanted = try? Quantity.duration(text), wanted >= .seconds(1), wanted <= Self.longest
            else { return .problem(400, "?for= is a duration such as 10m, from 1s to 365d.") }
            lasting = wanted
        }
        switch source.ban(address, lasting: lasting) {
        case .banned(let ban): return .json(ban.json(now: now))
        case .trusted:
            return .problem(409, "\(address) is a trusted proxy: with it all of its clients were kept out.")
        case .exempt: return .problem(409, "\(address) is exempt (bans.exempt).")
        case .full: return .problem(503, "There are as many bans as may be.")
        }
    }

    func lift(_ request: AdminRequest) -> AdminResponse {
        guard let who = request.value(of: "address"), AddressRange(who) != nil else {
            return .problem(400, "?address= is the address, or the block, as /bans lists it.")
        }
        guard source.liftBan(who) else { return .problem(404, "\(who) is not banned.") }
        return .json(.object([("lifted", .string(who))]))
    }
}

extension Ban {
    func json(now: WallTime) -> JSONValue {
        let left = max(0, (expires.nanoseconds - now.nanoseconds + 999_999_999) / 1_000_000_000)
        return .object([
            ("address", .string(who)), ("cause", .string(cause)),
            ("ends", .string(ByteWriter.text(capacity: 32) { $0.write(timestamp: expires) })),
            ("seconds_left", .number(String(left))),
        ])
    }
}
