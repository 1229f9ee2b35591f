import Addressing
import ArgumentParser
import Bytes
import Glibc
import Reactor
import Slots
import Time

struct EventOriginCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "event-origin",
        abstract: "An origin whose every answer is a stream of events that say when they were written.",
        discussion: """
            An answer's first event comes at once, the further ones at its own turn in each period, so that the events of \
            all answers are spread evenly. Each says its number and the monotonic clock's nanoseconds. Ends on SIGTERM.
            """)

    @Option(help: "Port on 127.0.0.1.")
    var port: UInt16

    @Option(help: "Milliseconds between two events of an answer.")
    var every = 1000

    func validate() throws {
        guard every > 0 else { throw ValidationError("every: at least 1") }
    }

    func run() throws {
        let signals = try Signals()
        let epoll = try Epoll()
        let listener = try Listener(.ip(.loopback, port: port), backlog: 4096)
        try epoll.addLevelTriggered(listener.socket.descriptor, token: Origin.listenerToken)
        try epoll.addLevelTriggered(signals.descriptor, token: Origin.signalToken)
        var origin = EventOrigin(every: every, listener: listener, epoll: epoll, signals: signals)
        try origin.run()
    }
}

// SAFETY: `region` is this value's own and lives through each read into it.
private struct EventOrigin: ~Copyable {
    private struct Subscriber {
        let socket: Socket
        var number = 0
    }

    private let every: Int64
    private let listener: Listener
    private let epoll: Epoll
    private let signals: Signals
    private let region = Scratch(size: 65_536)
    private var connections = SlotTable<Socket>(minimumCapacity: 1024)
    private var subscribers: [SlotID: Subscriber] = [:]
    /// Who gets events, in their order.
    private var order: [SlotID] = []
    private var turn = 0
    private var due: Instant

    private static let head = Array(
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-store\r\nTransfer-Encoding: chunked\r\n\r\n"
            .utf8)

    init(every: Int, listener: Listener, epoll: consuming Epoll, signals: consuming Signals) {
        self.every = Duration.milliseconds(every).nanoseconds
        self.listener = listener
        self.epoll = epoll
        self.signals = signals
        due = SystemClock.now()
    }

    mutating func run() throws {
        while true {
            let left = order.isEmpty ? 1_000_000_000 : max(0, due - SystemClock.now())
            let count = epoll.wait(milliseconds: Int32(clamping: (left + 999_999) / 1_000_000))
            for index in 0..<count {
                let (token, _) = epoll.event(index)
                switch token {
                case Origin.signalToken:
                    if signals.next() != nil { return }
                case Origin.listenerToken:
                    while let accepted = try listener.accept() {
                        let id = connections.insert(accepted.socket)
                        try epoll.add(accepted.socket, token: id.word)
                        read(id)
                    }
                default:
                    read(SlotID(word: token))
                }
            }
            publish()
        }
    }

    /// Whatever comes is a request, of which each connection has one.
    private mutating func read(_ id: SlotID) {
        guard connections.contains(id) else { return }
        while true {
            switch unsafe connections[id].receive(into: region.view.region) {
            case .moved:
                guard subscribers[id] == nil else { continue }
                subscribers[id] = Subscriber(socket: connections[id])
                order.append(id)
                _ = Self.head.withView { connections[id].send($0) }
                write(id)
            case .blocked:
                return
            case .ended, .failed:
                return remove(id)
            }
        }
    }

    private mutating func remove(_ id: SlotID) {
        connections.remove(id).close()
        if subscribers.removeValue(forKey: id) != nil { order.removeAll { $0 == id } }
    }

    /// Everyone whose turn has come gets an event.
    private mutating func publish() {
        let now = SystemClock.now()
        guard !order.isEmpty else {
            due = now
            return
        }
        while due <= now, !order.isEmpty {
            turn = (turn + 1) % order.count
            let id = order[turn]
            write(id)
            due = due + .nanoseconds(every / Int64(max(1, order.count)))
        }
    }

    private mutating func write(_ id: SlotID) {
        guard let subscriber = subscribers[id] else { return }
        subscribers[id]?.number += 1
        let event = "data: \(subscriber.number) \(SystemClock.now().nanoseconds)\n\n"
        let chunk = Array("\(String(event.utf8.count, radix: 16))\r\n\(event)\r\n".utf8)
        if case .failed = chunk.withView({ subscriber.socket.send($0) }) { remove(id) }
    }
}
