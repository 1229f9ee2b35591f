import Addressing
import Bytes
import Glibc
import Reactor
import Time

/// A closed loop of requests on many connections.
// SAFETY: `region` is this value's own and lives through each read into it.
struct Load: ~Copyable {
    private let options: LoadCommand
    private let targets: [SocketAddress]
    private let epoll: Epoll
    private let signals: Signals
    private let request: [UInt8]
    private let requestLength: Int
    private let tls: TLSClient?
    private let region = Scratch(size: 262_144)
    private let filler = [UInt8](repeating: 0x78, count: 131_072)
    private var connections: [LoadConnection]
    private var summary = Summary()
    private var window = Window.warmingUp
    private var times = ProcessTimes()
    private var begun = 0
    private var working = 0
    /// Connections that have had no request yet, while they open gently.
    private var unopened: Range<Int>
    private var windowBegan = Instant.zero
    private var ends: Instant
    private var now: Instant

    /// Between two looks at rates and time-outs.
    private static let tick = Duration.milliseconds(5)
    /// Until a refused connection tries again.
    private static let retryPause = Duration.milliseconds(20)
    static let signalToken = UInt64.max

    /// The part of the run whose answers count.
    private enum Window { case warmingUp, open, closed }

    init(_ options: LoadCommand, epoll: consuming Epoll, signals: consuming Signals) throws {
        self.options = options
        tls = options.tls ? try TLSClient(application: "http/1.1") : nil
        targets = (0..<options.addresses).map { index in
            .ip(IPAddress(ipv4: 0x7F00_0001 + UInt32(index)), port: options.port)
        }
        let lines = options.headers.map { $0 + "\r\n" }.joined()
        let carriesBody = options.bodyBytes > 0 || ["POST", "PUT", "PATCH"].contains(options.method)
        let length = carriesBody ? "Content-Length: \(options.bodyBytes)\r\n" : ""
        request = Array(
            """
            \(options.method) \(options.path) HTTP/1.1\r
            Host: 127.0.0.1:\(options.port)\r
            User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r
            Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r
            Accept-Language: en-US,en;q=0.5\r
            Accept-Encoding: gzip, deflate, br\r
            Cookie: session=0123456789abcdef0123456789abcdef\r
            \(lines)\(length)\r

            """.utf8)
        requestLength = request.count + options.bodyBytes
        connections = Array(repeating: LoadConnection(), count: options.connections)
        unopened = 0..<options.connections
        self.epoll = epoll
        self.signals = signals
        now = SystemClock.now()
        ends = now + .seconds(options.warmUp + options.seconds)
    }

    mutating func run() throws -> Summary {
        let start = SystemClock.now()
        let opens = start + .seconds(options.warmUp)
        var nextTick = start + Self.tick
        if options.warmUp == 0 { openWindow() }
        let first = options.atOnce == 0 ? connections.count : min(options.atOnce, connections.count)
        unopened = first..<connections.count
        for index in 0..<first { begin(index) }
        while working > 0 {
            let count = epoll.wait(milliseconds: Int32(Self.tick.nanoseconds / 1_000_000))
            now = SystemClock.now()
            for event in 0..<count { handle(event) }
            if window == .warmingUp, now >= opens { openWindow() }
            if window == .open, now >= ends { closeWindow() }
            if now >= nextTick {
                nextTick = now + Self.tick
                for index in connections.indices { tick(index) }
            }
        }
        if window == .open { closeWindow() }
        hold()
        return summary
    }

    /// What came before does not count, but for its failures.
    private mutating func openWindow() {
        window = .open
        windowBegan = SystemClock.now()
        summary.forgetAnswers()
        times = ProcessTimes(of: options.watch)
    }

    /// The watched processes' time is read here, on the same thread: no scheduling stands between the last
    /// answer and it.
    private mutating func closeWindow() {
        window = .closed
        summary.processNanoseconds = ProcessTimes(of: options.watch).nanoseconds - times.nanoseconds
        summary.elapsed = SystemClock.now() - windowBegan
    }

    private var isOver: Bool { now >= ends || (options.requests > 0 && begun >= options.requests) }

    private mutating func handle(_ event: Int) {
        let (token, readiness) = epoll.event(event)
        if token == Self.signalToken {
            while signals.next() != nil { ends = now }
            return
        }
        let index = Int(token & 0xFFFF_FFFF)
        guard connections[index].generation == UInt32(token >> 32) else { return }
        if readiness.contains(.readable) { connections[index].isReadable = true }
        if readiness.contains(.writable) { connections[index].isWritable = true }
        if readiness.contains(.peerEnded) { connections[index].peerHasEnded = true }
        advance(index)
    }

    // MARK: Requests

    /// Begins the connection's next request, or rests where the run is over.
    private mutating func begin(_ index: Int) {
        guard !isOver else {
            connections[index].phase = .resting
            if options.hold == 0 { closeSocket(index) }
            return
        }
        begun += 1
        working += 1
        connections[index].reader.reset()
        connections[index].sent = 0
        connections[index].begun = now
        connections[index].progress = now
        guard connections[index].socket == nil else {
            connections[index].phase = .exchanging
            return advance(index)
        }
        connect(index)
    }

    private mutating func connect(_ index: Int) {
        connections[index].phase = .connecting
        connections[index].answers = 0
        connections[index].isReadable = false
        connections[index].isWritable = false
        connections[index].peerHasEnded = false
        summary.connects += 1
        do throws(SystemError) {
            let source = IPAddress(ipv4: 0x7F00_0000 | UInt32(options.host))
            let socket = try Socket.connect(
                to: targets[index % targets.count], from: options.host == 1 ? nil : source)
            connections[index].socket = socket
            connections[index].generation &+= 1
            try epoll.add(socket, token: UInt64(connections[index].generation) << 32 | UInt64(index))
        } catch {
            fail(index, error.code == ECONNREFUSED ? .refused : .connectFailed)
        }
    }

    private mutating func advance(_ index: Int) {
        switch connections[index].phase {
        case .connecting:
            guard connections[index].isWritable, let socket = connections[index].socket else { return }
            if let code = socket.pendingError() {
                return fail(index, code == ECONNREFUSED ? .refused : .connectFailed)
            }
            secure(index, socket)
            advance(index)
        case .securing:
            handshake(index)
        case .exchanging:
            send(index)
            if connections[index].phase == .exchanging { receive(index) }
        // A pausing connection keeps its socket where it only thinks.
        case .resting, .pausing:
            guard connections[index].peerHasEnded, connections[index].socket != nil else { return }
            summary.idleCloses += 1
            closeSocket(index)
        }
    }

    /// Begins TLS where there is any.
    private mutating func secure(_ index: Int, _ socket: Socket) {
        guard let tls else {
            connections[index].phase = .exchanging
            return
        }
        do throws(TLSError) {
            connections[index].tls = try tls.begin(
                on: socket, resuming: options.resume ? connections[index].ticket : nil)
            connections[index].phase = .securing
        } catch {
            fail(index, .tlsFailed)
        }
    }

    private mutating func handshake(_ index: Int) {
        switch connections[index].tls?.handshake() ?? .failed {
        case .waits: return
        case .failed: return fail(index, .tlsFailed)
        case .done(let isResumed):
            summary.handshakes += 1
            if isResumed { summary.resumed += 1 }
            connections[index].progress = now
            connections[index].isReadable = true
            connections[index].isWritable = true
            connections[index].phase = .exchanging
            advance(index)
        }
    }

    private mutating func send(_ index: Int) {
        while connections[index].sent < requestLength, connections[index].isWritable,
            let socket = connections[index].socket
        {
            let sent = connections[index].sent
            let offset = sent - request.count
            let transfer =
                offset < 0
                ? request.withView { connections[index].send($0.dropFirst(sent), on: socket) }
                : filler.withView {
                    connections[index].send(
                        $0.prefix(min(filler.count, options.bodyBytes - offset)), on: socket)
                }
            switch transfer {
            case .moved(let count):
                connections[index].sent += count
                connections[index].progress = now
            case .blocked, .ended:
                connections[index].isWritable = false
            case .failed:
                // The answer may stand there all the same, from before the connection broke.
                connections[index].isWritable = false
                connections[index].isReadable = true
            }
        }
    }

    private mutating func receive(_ index: Int) {
        while connections[index].isReadable, let socket = connections[index].socket {
            var room = region.view.count
            if options.readRate > 0 {
                room = min(room, connections[index].allowance)
                guard room > 0 else { return }
            }
            let region = region.view.slice(0, room)
            switch unsafe connections[index].receive(into: region.region, on: socket) {
            case .moved(let count):
                connections[index].progress = now
                connections[index].allowance -= count
                summary.receivedBytes += count
                // Of TLS a record comes at a time.
                if count < room, tls == nil, !connections[index].peerHasEnded {
                    connections[index].isReadable = false
                }
                let progress = connections[index].reader.read(
                    region.view.prefix(count), hasBody: options.method != "HEAD")
                switch progress {
                case .more: continue
                case .malformed: return fail(index, .malformed)
                case .complete: return finish(index)
                }
            case .blocked:
                connections[index].isReadable = false
            case .ended:
                return fail(index, broken(index, .shortAnswer, .closedReused, .closedFresh))
            case .failed:
                return fail(index, broken(index, .resetInAnswer, .resetReused, .resetFresh))
            }
        }
    }

    private func broken(_ index: Int, _ inside: Failure, _ reused: Failure, _ fresh: Failure) -> Failure {
        if connections[index].reader.hasBegun { return inside }
        return connections[index].answers > 0 ? reused : fresh
    }

    private mutating func finish(_ index: Int) {
        let reader = connections[index].reader
        summary.answered(reader.status)
        guard options.anyStatus || reader.status == options.status else {
            return fail(index, .badStatus, status: reader.status)
        }
        if let expected = options.expectBytes, reader.length != expected { return fail(index, .badLength) }
        now = SystemClock.now()
        if window == .open { summary.succeeded(nanoseconds: now - connections[index].begun) }
        connections[index].answers += 1
        if options.resume { connections[index].ticket = connections[index].tls?.ticket() }
        let isWhole = connections[index].sent == requestLength
        if !reader.keepsAlive || options.newConnectionEach || !isWhole {
            if !reader.keepsAlive { summary.closesObeyed += 1 }
            closeSocket(index)
        }
        working -= 1
        if let next = unopened.first {
            // Connections open gently: this one has had its request, and lets the next one begin.
            unopened.removeFirst()
            connections[index].phase = .resting
            return begin(next)
        }
        guard options.think > 0 else { return begin(index) }
        connections[index].phase = .pausing(until: now + .milliseconds(options.think))
        working += 1
    }

    private mutating func fail(_ index: Int, _ failure: Failure, status: Int = 0) {
        summary.failed(failure, status: status)
        closeSocket(index)
        working -= 1
        // A connection that could not be made is tried again a little later; it stays at work meanwhile.
        connections[index].phase = .pausing(until: now + Self.retryPause)
        working += 1
    }

    private mutating func closeSocket(_ index: Int) {
        connections[index].tls?.end()
        connections[index].tls = nil
        connections[index].socket?.close()
        connections[index].socket = nil
        connections[index].generation &+= 1
    }

    // MARK: Time

    private mutating func tick(_ index: Int) {
        if options.readRate > 0 {
            let share = max(1, options.readRate * Int(Self.tick.nanoseconds) / 1_000_000_000)
            connections[index].allowance = min(connections[index].allowance + share, share * 4)
        }
        switch connections[index].phase {
        case .resting:
            break
        case .pausing(let until):
            guard now >= until else { return }
            working -= 1
            begin(index)
        case .connecting, .securing, .exchanging:
            if now - connections[index].progress > Duration.seconds(options.timeout).nanoseconds {
                return fail(index, .timedOut)
            }
            if options.readRate > 0 { advance(index) }
        }
    }

    /// Keeps the connections open and silent, and counts those that the peer ends.
    private mutating func hold() {
        let until = SystemClock.now() + .seconds(options.hold)
        ends = .distantFuture
        while now < until, ends == .distantFuture {
            let count = epoll.wait(milliseconds: 50)
            now = SystemClock.now()
            for event in 0..<count { handle(event) }
        }
        for index in connections.indices { closeSocket(index) }
    }
}
