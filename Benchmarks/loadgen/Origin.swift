import Addressing
import Bytes
import HTTP1
import HTTPModel
import Reactor
import Slots
import Time

/// An origin that answers from memory, on one thread.
// SAFETY: `region` is this value's own and lives through each read into it.
struct Origin: ~Copyable {
    private let options: OriginCommand
    private let listener: Listener
    private let epoll: Epoll
    private let signals: Signals
    private var connections = SlotTable<OriginConnection>(minimumCapacity: 1024)
    private let region = Scratch(size: 262_144)
    private let filler = [UInt8](repeating: 0x79, count: 262_144)
    private let answer: [UInt8]
    private let emptyAnswer: [UInt8]
    private var now: Instant
    private let start: Instant

    private static let tick = Duration.milliseconds(5)
    static let listenerToken = UInt64.max
    static let signalToken = UInt64.max - 1

    init(_ options: OriginCommand, listener: Listener, epoll: consuming Epoll, signals: consuming Signals) {
        self.options = options
        self.listener = listener
        self.epoll = epoll
        self.signals = signals
        emptyAnswer = Self.head(length: options.body)
        answer = emptyAnswer + [UInt8](repeating: 0x61, count: options.body)
        now = SystemClock.now()
        start = now
    }

    var port: UInt16 {
        switch listener.address {
        case .ip(_, let port): port
        case .unix: 0
        }
    }

    private static func head(length: Int) -> [UInt8] {
        Array(
            "HTTP/1.1 200 OK\r\nServer: origin\r\nContent-Type: text/plain\r\nContent-Length: \(length)\r\n\r\n"
                .utf8)
    }

    mutating func run() throws {
        var nextTick = now
        while true {
            let isSlow = options.uploadRate > 0 || options.uploadPause > 0
            let count = epoll.wait(milliseconds: isSlow ? Int32(Self.tick.nanoseconds / 1_000_000) : -1)
            now = SystemClock.now()
            for index in 0..<count {
                let (token, readiness) = epoll.event(index)
                switch token {
                case Self.signalToken:
                    if signals.next() != nil { return }
                case Self.listenerToken:
                    try accept()
                default:
                    ready(SlotID(word: token), readiness)
                }
            }
            if isSlow, now >= nextTick {
                nextTick = now + Self.tick
                feed()
            }
        }
    }

    private mutating func accept() throws {
        for _ in 0..<64 {
            guard let accepted = try listener.accept() else { return }
            let id = connections.insert(OriginConnection(socket: accepted.socket))
            try epoll.add(accepted.socket, token: id.word)
            advance(id)
        }
    }

    private mutating func ready(_ id: SlotID, _ readiness: Readiness) {
        guard connections.contains(id) else { return }
        if readiness.contains(.readable) { connections[id].isReadable = true }
        if readiness.contains(.writable) { connections[id].isWritable = true }
        if readiness.contains(.peerEnded) { connections[id].peerHasEnded = true }
        advance(id)
    }

    /// Lets bodies be read a little further, outside of the pauses.
    private mutating func feed() {
        let share = max(1, options.uploadRate * Int(Self.tick.nanoseconds) / 1_000_000_000)
        let isPausing = Int((now - start) / 1_000_000) % 1000 < options.uploadPause
        for id in connections.identities {
            if isPausing {
                connections[id].allowance = 0
            } else {
                let more = options.uploadRate == 0 ? region.view.count : share
                connections[id].allowance = min(connections[id].allowance + more, more * 4)
                advance(id)
            }
        }
    }

    private mutating func advance(_ id: SlotID) {
        while connections.contains(id) {
            guard send(id) else { return }
            let goesOn =
                switch connections[id].phase {
                case .head: readHead(id)
                case .body: readBody(id)
                case .echo: echo(id)
                }
            guard goesOn else { return }
        }
    }

    private mutating func remove(_ id: SlotID) {
        let connection = connections.remove(id)
        connection.socket.close()
    }

    /// Reads what is there; nil where there is nothing, or no more connection.
    private mutating func receive(_ id: SlotID, at most: Int) -> ByteView? {
        guard connections[id].isReadable, most > 0 else { return nil }
        let room = region.view.slice(0, min(most, region.view.count))
        switch unsafe connections[id].socket.receive(into: room.region) {
        case .moved(let count):
            if count < room.count, !connections[id].peerHasEnded { connections[id].isReadable = false }
            return room.view.prefix(count)
        case .blocked:
            connections[id].isReadable = false
        case .ended, .failed:
            remove(id)
        }
        return nil
    }

    // MARK: Requests

    private mutating func readHead(_ id: SlotID) -> Bool {
        if connections[id].received.isEmpty || connections[id].isWaiting {
            guard let bytes = receive(id, at: 65536) else { return false }
            if connections[id].received.isEmpty {
                let used = begin(id, bytes)
                if connections.contains(id), used < bytes.count {
                    connections[id].received = bytes.dropFirst(used).array()
                    connections[id].isWaiting = used == 0
                }
                return connections.contains(id)
            }
            connections[id].received += bytes.array()
        }
        let stored = connections[id].received
        let used = stored.withView { begin(id, $0) }
        guard connections.contains(id) else { return false }
        connections[id].received.removeFirst(used)
        connections[id].isWaiting = used == 0
        return true
    }

    /// Takes a request's head, and as much of its body as stands behind it. Returns how many bytes were
    /// taken.
    private mutating func begin(_ id: SlotID, _ bytes: ByteView) -> Int {
        var head = RequestHead()
        let length: Int?
        do throws(HeadError) {
            length = try connections[id].parser.parse(bytes, into: &head)
        } catch {
            remove(id)
            return 0
        }
        guard let length else { return 0 }
        if head.wantsUpgrade {
            connections[id].phase = .echo
            queue(
                id,
                Array(
                    """
                    HTTP/1.1 101 Switching Protocols\r
                    Upgrade: websocket\r
                    Connection: Upgrade\r
                    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r
                    \r

                    """.utf8))
            return length
        }
        if head.framing == .none {
            respond(id, head)
            return length
        }
        connections[id].phase = .body
        connections[id].body = BodyReader(head.framing)
        connections[id].bodyBytes = 0
        if head.expectsContinue { queue(id, Array("HTTP/1.1 100 Continue\r\n\r\n".utf8)) }
        return length
    }

    private mutating func respond(_ id: SlotID, _ head: borrowing RequestHead) {
        let prefix = ByteView("/bytes/")
        let path = head.pathBytes
        if path.hasPrefix(prefix), let length = path.dropFirst(prefix.count).decimal() {
            queue(id, Self.head(length: length))
            if head.method != .head { connections[id].streamLeft = length }
        } else {
            queue(id, head.method == .head ? emptyAnswer : answer)
        }
    }

    private mutating func readBody(_ id: SlotID) -> Bool {
        let isLimited = options.uploadRate > 0 || options.uploadPause > 0
        let piece: MutableByteView
        if !connections[id].received.isEmpty {
            let count = min(connections[id].received.count, region.view.count)
            connections[id].received.withView { region.view.write($0.prefix(count), at: 0) }
            connections[id].received.removeFirst(count)
            piece = region.view.slice(0, count)
        } else {
            let most = isLimited ? connections[id].allowance : region.view.count
            guard let bytes = receive(id, at: most) else { return false }
            connections[id].allowance -= bytes.count
            piece = region.view.slice(0, bytes.count)
        }
        do throws(ChunkError) {
            let step = try connections[id].body.read(piece)
            connections[id].bodyBytes += step.payload.count
            guard step.ended else { return true }
            connections[id].received = piece.view.dropFirst(step.consumed).array() + connections[id].received
            connections[id].isWaiting = false
            connections[id].phase = .head
            let text = Array(String(connections[id].bodyBytes).utf8)
            queue(id, Self.head(length: text.count) + text)
            return true
        } catch {
            remove(id)
            return false
        }
    }

    private mutating func echo(_ id: SlotID) -> Bool {
        let stored = connections[id].received
        if !stored.isEmpty {
            connections[id].received = []
            queue(id, stored)
            return true
        }
        guard let bytes = receive(id, at: 65536) else { return false }
        queue(id, bytes.array())
        return true
    }

    // MARK: Answers

    private mutating func queue(_ id: SlotID, _ bytes: [UInt8]) {
        if connections[id].unsent.isEmpty {
            connections[id].unsent = bytes
            connections[id].sent = 0
        } else {
            connections[id].unsent += bytes
        }
    }

    /// Sends what waits. False where something is still to be sent, or the connection is gone.
    private mutating func send(_ id: SlotID) -> Bool {
        while true {
            let sent = connections[id].sent
            let waits = connections[id].unsent.count - sent
            let left = connections[id].streamLeft
            guard waits > 0 || left > 0 else { return true }
            guard connections[id].isWritable else { return false }
            let socket = connections[id].socket
            let transfer =
                waits > 0
                ? connections[id].unsent.withView { socket.send($0.dropFirst(sent)) }
                : filler.withView { socket.send($0.prefix(min(left, $0.count))) }
            switch transfer {
            case .moved(let count):
                if waits == 0 {
                    connections[id].streamLeft -= count
                } else if count == waits {
                    connections[id].unsent = []
                    connections[id].sent = 0
                } else {
                    connections[id].sent += count
                }
            case .blocked, .ended:
                connections[id].isWritable = false
            case .failed:
                remove(id)
                return false
            }
        }
    }
}

/// One connection to the origin.
struct OriginConnection: ~Copyable {
    enum Phase { case head, body, echo }

    let socket: Socket
    var phase = Phase.head
    var isReadable = true
    var isWritable = true
    var peerHasEnded = false
    var parser = RequestParser(limits: HeadLimits(maximumBytes: 65535))
    /// Received and not used yet.
    var received: [UInt8] = []
    /// What stands in `received` is no whole head.
    var isWaiting = false
    var body = BodyReader(.none)
    var bodyBytes = 0
    /// Bytes of a body that may be read now.
    var allowance = 0
    var unsent: [UInt8] = []
    /// Bytes of `unsent` that are on their way.
    var sent = 0
    /// Bytes of a long answer that are still to be made.
    var streamLeft = 0

    init(socket: Socket) { self.socket = socket }
}
