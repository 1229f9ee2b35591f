import ArgumentParser
import Bytes
import Reactor
import Time

struct EventsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "events",
        abstract: "Streams of events over HTTP/2: the time from the origin's write to the read here.",
        discussion: """
            Needs an `event-origin` behind the gateway, on the same machine. Prints a summary in which each event is a \
            request. Events that are missing, and streams that end, are failures.
            """)

    @Option(help: "Port on 127.0.0.1.")
    var port: UInt16

    @Option(help: "Streams in all, spread over the connections.")
    var streams = 500

    @Option(help: "Connections.")
    var connections = 5

    @Option(help: "Seconds that are measured.")
    var seconds = 10.0

    @Option(help: "Seconds before, in which nothing counts but failures.")
    var warmUp = 2.0

    @Flag(help: "HTTP/1.1 without TLS, a connection for each stream: for the origin itself.")
    var plain = false

    func validate() throws {
        guard connections > 0, streams >= connections, seconds > 0, warmUp >= 0 else {
            throw ValidationError("at least one connection with one stream, and some time")
        }
    }

    func run() throws {
        if plain {
            var events = PlainEvents(self, epoll: try Epoll())
            return Output.write(try events.run().json)
        }
        var events = Events(self, epoll: try Epoll())
        Output.write(try events.run().json)
    }
}

private struct Events: ~Copyable {
    private let options: EventsCommand
    private let epoll: Epoll
    private var connections: [StreamConnection] = []
    private var streams: [[UInt32: EventReader]] = []
    private var summary = Summary()
    private var isMeasuring = false

    init(_ options: EventsCommand, epoll: consuming Epoll) {
        self.options = options
        self.epoll = epoll
    }

    private mutating func connect() throws {
        let tls = try TLSClient(application: "h2")
        for _ in 0..<options.connections {
            connections.append(try StreamConnection(port: options.port, tls: tls))
            streams.append([:])
            summary.connects += 1
            summary.handshakes += 1
        }
        for (index, connection) in connections.enumerated() {
            try epoll.add(connection.socket, token: UInt64(index))
        }
    }

    mutating func run() throws -> Summary {
        try connect()
        for number in 0..<options.streams {
            let index = number % connections.count
            streams[index][connections[index].ask("/events")] = EventReader()
        }
        for index in connections.indices where !connections[index].send() { summary.failed(.resetFresh) }
        let begins = SystemClock.now() + .seconds(options.warmUp)
        let ends = begins + .seconds(options.seconds)
        var now = SystemClock.now()
        while now < ends {
            if !isMeasuring, now >= begins {
                isMeasuring = true
                summary.forgetAnswers()
            }
            let count = epoll.wait(milliseconds: 20)
            for event in 0..<count { read(Int(epoll.event(event).token)) }
            now = SystemClock.now()
        }
        summary.elapsed = now - begins
        // A stream that never brought anything is as bad as one that ended.
        for stream in streams.flatMap(\.values) where stream.seen == 0 { summary.failed(.timedOut) }
        for connection in connections where connection.isOpen { connection.close() }
        return summary
    }

    private mutating func read(_ index: Int) {
        var came: [StreamConnection.Event] = []
        var times: [Instant] = []
        connections[index].receive {
            came.append($0)
            times.append(SystemClock.now())
        }
        for (event, time) in zip(came, times) { take(event, index, at: time) }
    }

    private mutating func take(_ event: StreamConnection.Event, _ index: Int, at time: Instant) {
        switch event {
        case .head(_, let isGood): if !isGood { summary.failed(.badStatus) }
        case .data(let stream, let bytes): take(bytes, stream, index, at: time)
        case .ended: summary.failed(.shortAnswer)
        case .reset: summary.failed(.resetInAnswer)
        case .goAway: summary.closesObeyed += 1
        case .closed: summary.failed(.resetReused)
        }
    }

    private mutating func take(_ bytes: ArraySlice<UInt8>, _ id: UInt32, _ index: Int, at time: Instant) {
        summary.receivedBytes += bytes.count
        guard let delays = streams[index][id]?.read(bytes, at: time) else {
            return summary.failed(.malformed)
        }
        for delay in delays where isMeasuring { summary.succeeded(nanoseconds: delay) }
    }
}
