/// What an origin is going to answer to one request: the bytes, when, and where it fails.
struct AnswerPlan {
    enum Fault: Equatable {
        case none
        /// After so many bytes: falls silent, resets, or closes.
        case stop(Int), reset(Int), close(Int)
    }

    var bytes: [UInt8] = []
    /// Virtual time before which nothing is sent.
    var begins: Int64 = 0
    /// Does not wait for the request's body.
    var isEarly = false
    var closes = false
    var fault = Fault.none
    var isTunnel = false

    /// What comes before the answer, as soon as the head is read.
    var prelude: [UInt8] = []

    /// For the trace.
    var summary: String {
        let start = String(decoding: bytes.prefix(120), as: UTF8.self).debugDescription
        return "\(bytes.count) bytes \(start), \(fault), early \(isEarly), closes \(closes)"
    }

    init(to request: RequestRecord, world: World) {
        let profile = world.profile
        begins =
            world.now + (profile.thinks && world.dice.chance(25) ? world.dice.delay(upTo: 12_000_000) : 0)
        if request.upgrades, world.dice.chance(75) {
            bytes = Array(
                "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n".utf8)
            isTunnel = true
        } else {
            compose(request, world)
        }
        if profile.originFaults, world.dice.chance(30) { spoil(request, world) }
    }

    private mutating func compose(_ request: RequestRecord, _ world: World) {
        let status = world.dice.pick([200, 200, 200, 200, 201, 404, 500, 204, 304])
        let length = status == 204 || status == 304 ? 0 : world.profile.length(&world.dice)
        let style = world.dice.below(100)
        closes = world.dice.chance(10)
        isEarly = request.coding != .none && world.dice.chance(15)
        if request.expectsContinue, world.dice.chance(70) {
            prelude += Array("HTTP/1.1 100 Continue\r\n\r\n".utf8)
        }
        if world.dice.chance(10) {
            for _ in 0..<world.dice.within(1...3) {
                prelude += Array("HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n".utf8)
            }
        }
        var version = 1
        var text = "X-Sim-Id: \(request.number)\r\nX-Sim-Length: \(length)\r\n"
        var body = Payload.bytes(request.number, length, .answer)
        let hasBody = status != 204 && status != 304 && request.method != "HEAD"
        if status == 204 || status == 304 {
            body = []
        } else if style < 45 {
            text += "Content-Length: \(length)\r\n"
            if world.dice.chance(10) {
                version = 0
                closes = true
            }
        } else if style < 85 || !hasBody {
            text += "Transfer-Encoding: chunked\r\n"
            if hasBody {
                body = Payload.chunked(
                    body, &world.dice, trailers: world.dice.chance(20) ? "X-Trailer: t\r\n" : "")
            }
        } else {
            closes = true
        }
        if closes, version == 1 { text += "Connection: close\r\n" }
        bytes = Array("HTTP/1.\(version) \(status) Simulated\r\n\(text)\r\n".utf8)
        cutsQuietlyBehind = hasBody && style >= 85 ? bytes.count : nil
        if hasBody { bytes += body }
        // An origin that answers early and closes may reset the connection under its own answer.
        if isEarly, closes { request.hasMetFault = true }
    }

    /// Where a close can no longer be told from the answer's proper end.
    private var cutsQuietlyBehind: Int?

    /// Lets the answer go wrong somewhere.
    private mutating func spoil(_ request: RequestRecord, _ world: World) {
        request.hasMetFault = true
        let place = world.dice.below(world.dice.chance(50) ? min(bytes.count, 200) : bytes.count)
        switch world.dice.below(9) {
        case 0: fault = .stop(place)
        case 1: fault = .reset(place)
        case 2:
            fault = .close(place)
            if let behind = cutsQuietlyBehind, place >= behind { request.wasCutQuietly = true }
        case 3 where !isTunnel:
            // Says that more comes than does.
            let head =
                "HTTP/1.1 200 OK\r\nX-Sim-Id: \(request.number)\r\nX-Sim-Length: 50\r\n"
                + "Content-Length: 50\r\n\r\n"
            bytes = Array(head.utf8)
            bytes += Payload.bytes(request.number, world.dice.below(50), .answer)
            fault = world.dice.chance(50) ? .close(bytes.count) : .stop(bytes.count)
        case 4 where !isTunnel && cutsQuietlyBehind == nil:
            world.happened.insert(.brokenConnection)
            bytes += Array("surplus".utf8)
        case 5: bytes = world.dice.bytes(world.dice.within(1...600))
        case 6:
            bytes = Array(String(repeating: "HTTP/1.1 102 Processing\r\n\r\n", count: 20).utf8)
            fault = .stop(bytes.count)
        case 7:
            let line = "X-Endless: \(String(repeating: "e", count: 1000))\r\n"
            bytes = Array(("HTTP/1.1 200 OK\r\n" + String(repeating: line, count: 80)).utf8)
            fault = .stop(bytes.count)
        default:
            bytes = Array(
                "HTTP/1.1 200 OK\r\nX-Sim-Id: \(request.number)\r\nTransfer-Encoding: chunked\r\n\r\n".utf8)
            bytes += Array("5\r\nhello\r\nzz\r\n".utf8)
            bytes.replaceSubrange(
                bytes.count - 11..<bytes.count - 6, with: Payload.bytes(request.number, 5, .answer))
        }
    }
}
