/// A server's end of one connection: reads requests strictly, answers them, echoes tunnels, and fails where
/// the schedule says so.
final class SimulatedOrigin {
    let number: Int
    let world: World
    private let socket: SimulatedSocket
    private(set) var isFinished = false

    private var reader = MessageReader()
    private var request: RequestRecord?
    private var bodyBytes = 0
    private var isBodyRead = false
    private var plan: AnswerPlan?
    private var preludeSent = 0
    private var sent = 0
    private var isSilent = false
    private var isTunnel = false
    private var echo = ByteLine()
    private var echoed = 0
    private var idleClose: Int64?

    private let fragment: Int
    private let pace: Int
    private let readSize: Int
    /// Bytes after which the origin reads no more, or closes; for nobody's request in particular.
    private var readsUntil: Int?
    private var readBytes = 0

    init(number: Int, socket: SimulatedSocket, world: World) {
        self.number = number
        self.socket = socket
        self.world = world
        fragment = world.dice.pick([40 + world.dice.below(400), 3000, 1 << 20])
        pace = world.dice.pick([20, 1000, 20_000])
        readSize = world.dice.pick([500 + world.dice.below(4000), 65536, 1 << 20])
        if world.profile.originFaults, world.dice.chance(2) {
            // Talks first, and says nothing any more.
            world.happened.insert(.brokenConnection)
            isSilent = true
            _ = world.send(Array("220 ready\r\n".utf8)[...], on: socket)
        } else if world.profile.originFaults, world.dice.chance(10) {
            readsUntil = world.dice.pick([0, world.dice.below(300), world.dice.below(10_000)])
        }
    }

    func act() {
        guard !isFinished else { return }
        socket.isWaking = false
        if let time = idleClose, time <= world.now, request == nil {
            world.note("origin \(number) closes while idle")
            return finish()
        }
        read()
        guard !isFinished else { return }
        isTunnel ? writeEcho() : write()
    }

    private func finish() {
        isFinished = true
        world.closeFromPeer(socket)
    }

    private func goOn() { world.wake(socket, after: world.dice.delay(upTo: pace)) }

    // MARK: Reading

    private func read() {
        if let most = readsUntil, readBytes >= most { return breakOff() }
        let bytes = world.receive(
            on: socket, atMost: min(readSize, readsUntil.map { $0 - readBytes } ?? .max))
        readBytes += bytes.count
        if isTunnel {
            echo.append(bytes)
        } else if !bytes.isEmpty, !isSilent {
            reader.add(bytes)
            parse()
        }
        guard !isFinished else { return }
        if !socket.toPeer.isEmpty {
            goOn()
        } else if socket.gatewayHasReset {
            finish()
        } else if socket.gatewayHasEnded, !isTunnel || echo.isEmpty {
            finish()
        }
    }

    /// The connection fails at a byte, whatever request that belongs to.
    private func breakOff() {
        world.happened.insert(.brokenConnection)
        request?.hasMetFault = true
        readsUntil = nil
        world.note("origin \(number) breaks off")
        if world.dice.chance(50) { world.resetFromPeer(socket) }
        finish()
    }

    private func parse() {
        do throws(MessageReader.Problem) {
            while !isTunnel, let part = try reader.next() {
                switch part {
                case .head(let head): begin(head)
                case .body(let bytes):
                    if let request, !request.isSpoilt,
                        !Payload.matches(bytes, from: bodyBytes, request.number, .request)
                    {
                        world.violate("the body of \(request.number) has wrong bytes at \(bodyBytes)")
                    }
                    bodyBytes += bytes.count
                case .end: endBody()
                }
                if isFinished { return }
            }
        } catch {
            world.violate("an origin got what is no HTTP: \(error)")
            finish()
        }
    }

    private func begin(_ head: MessageReader.Head) {
        world.note("origin \(number) on \(socket.descriptor) got \(head.line)")
        if let request {
            // One that lies about its answer's length cannot complain.
            if !request.hasMetFault {
                world.violate("\(head.line) came before \(request.number) was answered")
            }
            world.happened.insert(.brokenConnection)
            return finish()
        }
        let target = head.line[1]
        guard head.line.count == 3, head.line[2] == "HTTP/1.1",
            let slash = target.lastIndex(of: "/"), let id = Int(target[target.index(after: slash)...]),
            let request = world.requests[id], head.line[0] == request.method, target == request.path
        else {
            world.violate("an origin got a request that nobody made: \(head.line)")
            return finish()
        }
        if head.value("x-sim-id") != "\(id)" || head.count("host") != 1 {
            world.violate("the head of \(id) is mixed up")
        }
        request.seen += 1
        if request.seen > (request.isIdempotent ? 2 : 1) {
            world.violate("\(request.method) \(id) was sent \(request.seen) times")
        }
        let framing = framing(of: head, request)
        reader.begin(framing)
        self.request = request
        bodyBytes = 0
        isBodyRead = false
        sent = 0
        preludeSent = 0
        idleClose = nil
        let plan = AnswerPlan(to: request, world: world)
        self.plan = plan
        world.note(
            "origin \(number) plans \(plan.summary)"
        )
        if plan.begins > world.now { world.agenda.add(.origin(number), at: plan.begins) }
        goOn()
    }

    private func framing(of head: MessageReader.Head, _ request: RequestRecord) -> MessageReader.Framing {
        let length = head.value("content-length").map { Int($0) ?? -1 }
        let isChunked = head.value("transfer-encoding") == "chunked"
        let isRight =
            switch request.coding {
            case .none: (length == nil || length == 0) && !isChunked
            case .length: length == request.bodyLength && !isChunked
            case .chunked: length == nil && isChunked
            }
        if !isRight || head.count("content-length") + head.count("transfer-encoding") > 1 {
            world.violate("the framing of \(request.number) has changed: \(head.fields)")
        }
        return isChunked ? .chunked : length.map { .length($0) } ?? .none
    }

    private func endBody() {
        isBodyRead = true
        guard let request else { return }
        if bodyBytes != request.bodyLength, !request.isSpoilt {
            world.violate(
                "the body of \(request.summary) looks complete with \(bodyBytes) bytes"
            )
        }
        finishAnswerIfDone()
    }

    // MARK: Writing

    private func write() {
        guard let plan, !socket.gatewayHasReset else { return }
        if preludeSent < plan.prelude.count {
            preludeSent += world.send(plan.prelude[preludeSent...], on: socket)
            return retry()
        }
        guard plan.begins <= world.now, plan.isEarly || isBodyRead,
            sent < plan.bytes.count || plan.fault != .none
        else {
            return
        }
        var length = min(fragment, plan.bytes.count - sent)
        switch plan.fault {
        case .none: break
        case .stop(let place), .reset(let place), .close(let place):
            if sent >= place { return fail(plan.fault) }
            length = min(length, place - sent)
        }
        sent += world.send(plan.bytes[sent...].prefix(length), on: socket)
        if sent == plan.bytes.count, plan.fault == .none { return finishAnswerIfDone() }
        retry()
    }

    private func retry() {
        let isFull = socket.toGateway.count >= socket.toGatewayCapacity
        world.wake(socket, after: (isFull ? 2_000_000 : 0) + world.dice.delay(upTo: pace))
    }

    private func fail(_ fault: AnswerPlan.Fault) {
        world.note("origin \(number) fails: \(fault)")
        switch fault {
        case .stop, .none:
            isSilent = true
            if request == nil || sent == plan?.bytes.count { world.happened.insert(.silentConnect) }
            plan = nil
        case .reset:
            world.resetFromPeer(socket)
            finish()
        case .close: finish()
        }
    }

    private func finishAnswerIfDone() {
        guard let plan, sent == plan.bytes.count, plan.fault == .none else { return }
        if plan.isTunnel {
            isTunnel = true
            self.plan = nil
            echo.append(reader.takeRest())
            return goOn()
        }
        if plan.closes { return finish() }
        guard isBodyRead else { return }
        request = nil
        self.plan = nil
        if world.profile.idleCloses, world.dice.chance(30) {
            let time = world.now + world.dice.delay(upTo: world.dice.pick([1, 100, 10_000, 3_000_000]))
            idleClose = time
            world.agenda.add(.origin(number), at: time)
        } else if world.profile.originFaults, world.dice.chance(5) {
            world.happened.insert(.brokenConnection)
            _ = world.send(
                Array("HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0"[...].utf8)[
                    ...], on: socket)
        }
    }

    private func writeEcho() {
        guard !echo.isEmpty, !socket.gatewayHasReset else { return }
        let room = socket.toGatewayCapacity - socket.toGateway.count
        if room > 0 { echoed += world.send(echo.take(min(max(fragment, echo.count / 20), room)), on: socket) }
        if !echo.isEmpty {
            retry()
        } else if socket.gatewayHasEnded, socket.toPeer.isEmpty {
            finish()
        }
    }
}
