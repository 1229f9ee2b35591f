/// What one client makes of the bytes that it gets: each answer must be its own, whole, and explained.
struct AnswerChecker {
    enum End { case fin, reset }

    enum Step {
        /// More bytes are needed.
        case more
        /// An interim answer.
        case goOn
        /// A final answer is complete.
        case answered
        case tunnel(ArraySlice<UInt8>)
        /// No HTTP: the rest makes no sense.
        case broken
    }

    private struct Answer {
        var status = 0
        /// Nil where the gateway has answered by itself.
        var origin: Int?
        var length: Int?
        var received = 0
        var isUntilClose = false
        var wasSent = false
    }

    private let world: World
    private let client: Int
    private var reader = MessageReader()
    private var answer: Answer?

    /// Final answers that were complete.
    private(set) var done = 0
    /// An answer said that the connection ends.
    private(set) var sawClose = false
    /// An answer came before its request was out: the gateway reads a part of the rest away, and then ends
    /// the connection.
    private var answeredEarly = false
    /// The client has misbehaved: what it gets now proves nothing.
    var isExcused = false

    init(world: World, client: Int) {
        self.world = world
        self.client = client
    }

    mutating func add(_ bytes: ArraySlice<UInt8>) { reader.add(bytes) }

    /// The next thing that the bytes say. `request` is the one whose answer is due; `isSent` where all of
    /// it is out.
    mutating func next(_ request: RequestRecord?, isSent: Bool) -> Step {
        do throws(MessageReader.Problem) {
            guard let part = try reader.next() else { return .more }
            switch part {
            case .head(let head): return begin(head, request, isSent)
            case .body(let bytes):
                take(bytes, request)
                return next(request, isSent: isSent)
            case .end: return complete(request)
            }
        } catch {
            // The gateway could not know that garbage was meant as a HEAD, which gets no body.
            if !isExcused, !isDripping { world.violate("client \(client) got what is no HTTP: \(error)") }
            return .broken
        }
    }

    private mutating func begin(_ head: MessageReader.Head, _ request: RequestRecord?, _ isSent: Bool) -> Step
    {
        guard let status = Int(head.line[1]), head.line[0] == "HTTP/1.1" else {
            world.violate("client \(client) got a strange status line: \(head.line)")
            return .broken
        }
        world.note(
            "client \(client) got \(status) id \(head.value("x-sim-id") ?? "-") for \(request?.number ?? -1)")
        guard let request else {
            if isExcused { return .broken }
            world.violate("client \(client) got \(status) although it asked for nothing")
            return .broken
        }
        if status == 101 {
            if !request.upgrades { world.violate("101 for \(request.number), which wanted no upgrade") }
            return .tunnel(reader.takeRest())
        }
        if status < 200 {
            if request.isOld { world.violate("an interim answer for HTTP/1.0 (\(request.number))") }
            return .goOn
        }
        var answer = Answer(status: status, wasSent: isSent)
        if let text = head.value("x-sim-id") {
            answer.origin = Int(text)
            answer.length = head.value("x-sim-length").flatMap { Int($0) }
            if answer.origin != request.number {
                world.violate("client \(client) got the answer to \(text) for \(request.number)")
            }
        } else if let reason = unexplained(status, request) {
            world.violate(
                "client \(client) got \(status) for \(request.summary): \(reason)"
            )
        }
        let framing = framing(of: head, status, request)
        answer.isUntilClose = framing == .untilClose
        reader.begin(framing)
        let keepsOpen =
            request.isOld ? head.has("connection", "keep-alive") : !head.has("connection", "close")
        if !keepsOpen || answer.isUntilClose { sawClose = true }
        self.answer = answer
        return .goOn
    }

    private func framing(of head: MessageReader.Head, _ status: Int, _ request: RequestRecord)
        -> MessageReader.Framing
    {
        let lengths = head.count("content-length")
        let codings = head.count("transfer-encoding")
        if lengths + codings > 1 { world.violate("the answer to \(request.number) is framed twice") }
        if codings > 0, request.isOld { world.violate("chunks for HTTP/1.0 (\(request.number))") }
        if request.method == "HEAD" || status == 204 || status == 304 { return .none }
        if codings > 0 { return .chunked }
        if let text = head.value("content-length") { return .length(Int(text) ?? 0) }
        if !request.isOld { world.violate("the answer to \(request.number) has no length") }
        return .untilClose
    }

    private mutating func take(_ bytes: ArraySlice<UInt8>, _ request: RequestRecord?) {
        guard let request, let origin = answer?.origin, let received = answer?.received else { return }
        if origin == request.number, !Payload.matches(bytes, from: received, origin, .answer) {
            world.violate("the answer to \(request.number) has wrong bytes at \(received)")
        }
        answer?.received += bytes.count
    }

    private mutating func complete(_ request: RequestRecord?) -> Step {
        defer { answer = nil }
        guard let request, let answer else { return .broken }
        if answer.origin != nil, request.method != "HEAD", answer.status != 204, answer.status != 304 {
            if answer.received != answer.length, !request.wasCutQuietly {
                world.violate(
                    "the answer to \(request.number) looks complete with \(answer.received) bytes"
                )
            }
        }
        if !answer.wasSent { answeredEarly = true }
        done += 1
        return .answered
    }

    /// The connection has ended while `waiting` was due.
    mutating func ended(_ end: End, waiting: RequestRecord?, isExcused: Bool) {
        guard let waiting else { return }
        if answer?.isUntilClose == true, end == .fin {
            _ = complete(waiting)
            return
        }
        if isExcused || self.isExcused || world.happened.contains(.ended) { return }
        guard let answer else {
            // Nothing of an answer has come.
            if hasLargeBodies || sawClose || answeredEarly || isPipelining || waiting.hasMetFault
                || world.happened.contains(.draining) || world.happened.contains(.memoryShort)
                || world.happened.contains(.watchFailed)
            {
                return
            }
            return world.violate("client \(client) never got an answer to \(waiting.number), but \(end)")
        }
        // A client that still sends may lose the end of its last answer to a reset.
        let mayLose = !answer.wasSent || isPipelining || hasLargeBodies
        let lostToLater = isPipelining && hasLargeBodies
        if waiting.hasMetFault || ((lostToLater || sawClose && mayLose) && end == .reset) { return }
        world.violate("the answer to \(waiting.number) was cut off (\(end)) although nobody failed")
    }

    /// Why the gateway had no reason for an answer of its own.
    private func unexplained(_ status: Int, _ request: RequestRecord) -> String? {
        if isExcused { return nil }
        let happened = world.happened
        let brokeUpstream = request.hasMetFault || happened.contains(.brokenConnection)
        switch status {
        case 200 where request.isOwn: return nil
        case 404 where happened.contains(.routeRemoved): return nil
        case 502 where brokeUpstream || happened.contains(.refusedConnect) || happened.contains(.watchFailed):
            return nil
        case 502 where world.profile.idleCloses && !(request.isIdempotent && request.coding == .none):
            return nil
        case 503 where world.profile.smallPools || happened.contains(.namesUnknown): return nil
        case 503 where happened.contains(.memoryShort): return nil
        case 504 where request.hasMetFault || happened.contains(.silentConnect): return nil
        case 408 where world.profile.clientFaults && isDripping: return nil
        default: return "nothing explains it"
        }
    }

    /// What it has sent beyond the last answer may meet a closed connection and cost it that answer.
    var isPipelining = false
    /// Of a body that is not wanted the gateway reads only so much away.
    var hasLargeBodies = false
    /// Sends slowly, so that its own time-outs may strike.
    var isDripping = false
}
