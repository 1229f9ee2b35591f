/// A client: asks, reads slowly or fast, and checks every byte of every answer; or misbehaves at some byte.
final class SimulatedClient {
    enum Conduct: Equatable {
        case good
        /// What happens once so many bytes were sent.
        case stop(Int), reset(Int), halfClose(Int), leave(Int), garbage(Int)
        /// Sends so slowly that time-outs may strike.
        case drip
        /// Reads so many bytes and then no more.
        case stopsReading(Int)
    }

    let number: Int
    let world: World
    let conduct: Conduct
    let requests: [RequestRecord]
    let isPipelining: Bool
    private(set) var socket: SimulatedSocket?
    private(set) var isFinished = false

    private var outbox: [UInt8] = []
    private var sent = 0
    /// Where each request that was asked ends in the outbox.
    private var ends: [Int] = []
    private var mayWrite = true
    private var mayRead = true
    private var readBytes = 0
    private var heldBody: (body: [UInt8], until: Int64)?
    private let fragment: Int
    private let pace: Int
    private let readSize: Int
    private let staysIdle: Bool

    private var answers: AnswerChecker
    private var tunnel: ClientTunnel?

    init(number: Int, world: World, requests: [RequestRecord]) {
        self.number = number
        self.world = world
        self.requests = requests
        let total = requests.reduce(0) { $0 + $1.wire.count }
        conduct = world.profile.clientFaults && world.dice.chance(60) ? Self.fault(total, &world.dice) : .good
        isPipelining = world.dice.chance(25) && !requests.contains { $0.upgrades || $0.expectsContinue }
        let smallest = max(1, total / 200)
        fragment = world.dice.pick([smallest, smallest + world.dice.below(100), 1 << 20])
        pace =
            conduct == .drip ? world.dice.within(200_000...3_000_000) : world.dice.pick([20, 1000, 20_000])
        readSize = world.dice.pick([2048 + world.dice.below(4000), 65536, 1 << 20])
        staysIdle = world.dice.chance(20)
        answers = AnswerChecker(world: world, client: number)
        answers.isDripping = conduct == .drip
        answers.isPipelining = isPipelining
        answers.hasLargeBodies = total > 60_000
    }

    private static func fault(_ total: Int, _ dice: inout Dice) -> Conduct {
        let place = dice.below(dice.chance(50) ? min(total, 400) + 1 : total + 1)
        return dice.pick([
            .stop(place), .reset(place), .halfClose(place), .leave(place), .garbage(place), .drip,
            .stopsReading(dice.below(5000)),
        ])
    }

    func connect() -> SimulatedSocket {
        let socket = world.makeSocket(.client(number))
        self.socket = socket
        ask()
        world.wake(socket)
        world.note("client \(number) on \(socket.descriptor): \(conduct), \(requests.map(\.number))")
        return socket
    }

    /// Puts the next request, or all of them, into the outbox.
    private func ask() {
        repeat {
            guard ends.count < requests.count else { return }
            let request = requests[ends.count]
            world.note("client \(number) asks \(request.summary)")
            outbox += request.head
            if request.expectsContinue {
                heldBody = (request.body, world.now + 1_000_000_000)
                world.agenda.add(.client(number), at: world.now + 1_000_000_001)
            } else {
                outbox += request.body
            }
            ends.append(outbox.count + (request.expectsContinue ? request.body.count : 0))
        } while isPipelining
    }

    /// Does what it can do now.
    func act() {
        guard !isFinished, let socket else { return }
        socket.isWaking = false
        if let held = heldBody, held.until <= world.now { releaseBody() }
        write(socket)
        guard !isFinished else { return }
        read(socket)
    }

    private func releaseBody() {
        guard let held = heldBody else { return }
        heldBody = nil
        outbox += held.body
    }

    // MARK: Writing

    private func write(_ socket: SimulatedSocket) {
        guard mayWrite, !socket.gatewayHasReset else { return }
        if let place = faultPlace, sent >= place { return misbehave(socket) }
        let bytes = tunnel.map { $0.outgoing } ?? outbox[sent...]
        guard !bytes.isEmpty else { return }
        var length = min(max(fragment, tunnel?.smallestPiece ?? 1), bytes.count)
        if let place = faultPlace { length = min(length, place - sent) }
        let count = world.send(bytes.prefix(length), on: socket)
        if tunnel != nil { tunnel?.sent(count) } else { sent += count }
        if count > 0 || socket.toGateway.count < socket.toGatewayCapacity {
            world.wake(socket, after: world.dice.delay(upTo: pace))
        } else {
            // No room: looked at again now and then, as the kernel would tell.
            world.wake(socket, after: 2_000_000 + world.dice.delay(upTo: pace))
        }
    }

    private var faultPlace: Int? {
        switch conduct {
        case .stop(let place), .reset(let place), .halfClose(let place), .leave(let place),
            .garbage(let place):
            place
        case .good, .drip, .stopsReading: nil
        }
    }

    private func misbehave(_ socket: SimulatedSocket) {
        world.note("client \(number) misbehaves: \(conduct)")
        mayWrite = false
        switch conduct {
        case .reset:
            world.resetFromPeer(socket)
            isFinished = true
        case .halfClose: world.endFromPeer(socket)
        case .leave:
            world.closeFromPeer(socket)
            isFinished = true
        case .garbage:
            for request in requests { request.isSpoilt = true }
            _ = world.send(world.dice.bytes(world.dice.within(1...300))[...], on: socket)
        case .stop, .good, .drip, .stopsReading: break
        }
        answers.isExcused = true
    }

    // MARK: Reading

    private func read(_ socket: SimulatedSocket) {
        guard mayRead else { return }
        if case .stopsReading(let most) = conduct, readBytes >= most {
            mayRead = false
            answers.isExcused = true
            return
        }
        let bytes = world.receive(on: socket, atMost: readSize)
        readBytes += bytes.count
        if !bytes.isEmpty { take(bytes, socket) }
        guard !isFinished else { return }
        if !socket.toPeer.isEmpty {
            world.wake(socket, after: world.dice.delay(upTo: pace))
        } else if socket.gatewayHasReset {
            ended(socket, .reset)
        } else if socket.gatewayHasEnded {
            ended(socket, .fin)
        }
    }

    private func take(_ bytes: ArraySlice<UInt8>, _ socket: SimulatedSocket) {
        if tunnel != nil {
            tunnel?.received(bytes)
            return goOn(socket)
        }
        answers.add(bytes)
        while !isFinished, tunnel == nil {
            let asked = requests.prefix(ends.count)
            let request = answers.done < asked.count ? asked[answers.done] : nil
            switch answers.next(request, isSent: request != nil && sent >= ends[answers.done]) {
            case .more: return
            case .goOn: if heldBody != nil { releaseBody() }
            case .answered:
                // Not worth sending any more, if the connection ends anyway.
                if answers.sawClose {
                    mayWrite = false
                    heldBody = nil
                } else {
                    if heldBody != nil { releaseBody() }
                    if !isPipelining { ask() }
                }
            case .tunnel(let rest):
                guard let request else { return }
                tunnel = ClientTunnel(world: world, request: request)
                if !rest.isEmpty { tunnel?.received(rest) }
            case .broken:
                world.closeFromPeer(socket)
                isFinished = true
            }
            goOn(socket)
        }
    }

    /// After something was read: writes more, or ends.
    private func goOn(_ socket: SimulatedSocket) {
        if let tunnel {
            if tunnel.isComplete, !socket.peerHasEnded { world.endFromPeer(socket) }
        } else if answers.done == requests.count, sent == outbox.count || answers.sawClose, !staysIdle {
            isFinished = true
            world.closeFromPeer(socket)
            return
        }
        world.wake(socket, after: world.dice.delay(upTo: pace))
    }

    private func ended(_ socket: SimulatedSocket, _ end: AnswerChecker.End) {
        world.note("client \(number) sees \(end)")
        isFinished = true
        world.closeFromPeer(socket)
        if let tunnel { return tunnel.ended(end, isExcused: answers.isExcused || conduct != .good) }
        let waiting = requests.prefix(ends.count).dropFirst(answers.done).first
        // A reset for one answer takes along what was not read of those before.
        let lostToAnother = isPipelining && requests.contains(where: \.hasMetFault)
        answers.ended(end, waiting: waiting, isExcused: conduct != .good || lostToAnother)
    }
}

/// A client's end of an upgraded connection: sends its bytes and wants exactly them back.
struct ClientTunnel {
    private let world: World
    private let request: RequestRecord
    private let content: [UInt8]
    private var sentBytes = 0
    private var receivedBytes = 0

    init(world: World, request: RequestRecord) {
        self.world = world
        self.request = request
        content = Payload.bytes(request.number, world.profile.length(&world.dice), .tunnel)
    }

    var outgoing: ArraySlice<UInt8> { content[sentBytes...] }
    var smallestPiece: Int { content.count / 100 }
    var isComplete: Bool { receivedBytes == content.count }

    mutating func sent(_ count: Int) { sentBytes += count }

    mutating func received(_ bytes: ArraySlice<UInt8>) {
        let isRight =
            receivedBytes + bytes.count <= sentBytes
            && Payload.matches(bytes, from: receivedBytes, request.number, .tunnel)
        if !isRight, !request.isSpoilt {
            world.violate("the tunnel of \(request.number) brings other bytes than were sent")
        }
        receivedBytes += bytes.count
    }

    func ended(_ end: AnswerChecker.End, isExcused: Bool) {
        guard !isComplete, !isExcused, !request.hasMetFault, !world.happened.contains(.ended) else { return }
        world.violate(
            "the tunnel of \(request.number) ended (\(end)) after \(receivedBytes) of \(content.count) bytes")
    }
}
