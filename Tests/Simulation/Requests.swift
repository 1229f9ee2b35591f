/// One request as its client made it, and what became of it at the origins.
final class RequestRecord {
    enum Coding { case none, length, chunked }

    let number: Int
    let method: String
    let path: String
    let isOld: Bool
    let coding: Coding
    let bodyLength: Int
    let expectsContinue: Bool
    let upgrades: Bool
    /// All of it as it goes over the wire.
    let head: [UInt8]
    let body: [UInt8]
    /// The gateway answers by itself.
    let isOwn: Bool

    /// How often its head has come to an origin.
    var seen = 0
    /// An origin has misbehaved while it had this request.
    var hasMetFault = false
    /// Its client has put something else among its bytes.
    var isSpoilt = false
    /// The answer lasts until the close, and the origin closed too early: nobody can tell.
    var wasCutQuietly = false

    var isIdempotent: Bool { method != "POST" }

    init(number: Int, _ dice: inout Dice, _ profile: Profile) {
        self.number = number
        isOwn = dice.chance(5)
        let kind = dice.below(100)
        upgrades = kind >= 92 && !isOwn
        method =
            upgrades || kind < 40
            ? "GET" : kind < 50 ? "HEAD" : kind < 78 ? "POST" : kind < 90 ? "PUT" : "DELETE"
        isOld = !upgrades && dice.chance(10)
        let hasBody = method == "POST" || method == "PUT"
        coding = !hasBody ? .none : isOld || dice.chance(50) ? .length : .chunked
        bodyLength = hasBody ? profile.length(&dice) : 0
        expectsContinue = hasBody && !isOld && dice.chance(15)
        path =
            isOwn
            ? dice.pick([hasBody || method == "DELETE" ? "/fixed" : "/healthz", "/fixed"])
            : "/\(dice.pick(["a", "b", "n"]))/\(number)"

        var text = "\(method) \(path) HTTP/1.\(isOld ? 0 : 1)\r\nHost: sim.test\r\nX-Sim-Id: \(number)\r\n"
        if isOld, dice.chance(50) { text += "Connection: keep-alive\r\n" }
        if !isOld, !upgrades, dice.chance(5) { text += "Connection: close\r\n" }
        if upgrades { text += "Connection: Upgrade\r\nUpgrade: websocket\r\n" }
        if expectsContinue { text += "Expect: 100-continue\r\n" }
        if dice.chance(30) { text += "X-Filler: \(String(repeating: "f", count: dice.below(200)))\r\n" }
        switch coding {
        case .none: break
        case .length: text += "Content-Length: \(bodyLength)\r\n"
        case .chunked: text += "Transfer-Encoding: chunked\r\n"
        }
        head = Array((text + "\r\n").utf8)
        let content = Payload.bytes(number, bodyLength, .request)
        switch coding {
        case .none: body = []
        case .length: body = content
        case .chunked:
            body = Payload.chunked(content, &dice, trailers: dice.chance(20) ? "X-Trailer: t\r\n" : "")
        }
    }

    /// For messages: what it asks.
    var summary: String { "\(number) (\(method) \(path), \(coding) \(bodyLength))" }

    var wire: [UInt8] { head + body }
}

/// Bodies that tell whose they are in every byte.
enum Payload {
    enum Side: Int { case request = 1, answer, tunnel }

    static func byte(_ number: Int, _ index: Int, _ side: Side) -> UInt8 {
        UInt8(
            truncatingIfNeeded: (number &* 7919 &+ index &* 31 &+ index >> 8 &* 17 &+ side.rawValue &* 101)
                >> 1)
    }

    static func bytes(_ number: Int, _ count: Int, _ side: Side) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            for index in 0..<count { buffer[index] = byte(number, index, side) }
            filled = count
        }
    }

    static func matches(_ bytes: some Collection<UInt8>, from start: Int = 0, _ number: Int, _ side: Side)
        -> Bool
    {
        var index = start
        for byte in bytes {
            if byte != Payload.byte(number, index, side) { return false }
            index += 1
        }
        return true
    }

    static func chunked(_ content: [UInt8], _ dice: inout Dice, trailers: String) -> [UInt8] {
        var wire: [UInt8] = []
        var start = 0
        while start < content.count {
            let length = min(
                content.count - start, dice.chance(30) ? dice.within(1...20) : dice.within(1...40_000))
            wire += Array((String(length, radix: 16) + (dice.chance(5) ? ";x=y" : "") + "\r\n").utf8)
            wire += content[start..<start + length]
            wire += [13, 10]
            start += length
        }
        return wire + Array("0\r\n\(trailers)\r\n".utf8)
    }
}
