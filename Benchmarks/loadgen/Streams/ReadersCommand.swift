import ArgumentParser
import Bytes
import Reactor
import Time

struct ReadersCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "readers",
        abstract:
            "Many answers over HTTP/2 that nobody reads for a while; then they are read, and must be whole.")

    @Option(help: "Port on 127.0.0.1.")
    var port: UInt16

    @Option(help: "Streams in all, spread over the connections.")
    var streams = 1000

    @Option(help: "Connections.")
    var connections = 10

    @Option(help: "Bytes of each answer's body.")
    var bytes = 1_048_576

    @Option(help: "The requests' target.")
    var path = "/bytes/1048576"

    @Option(help: "Seconds in which nothing is read.")
    var pause = 5.0

    @Option(help: "Bytes that each stream, and each connection, may have in flight.")
    var window: UInt32 = 65_535

    @Option(help: "Longest time for everything once it is read, in seconds.")
    var seconds = 60.0

    func validate() throws {
        guard connections > 0, streams >= connections, window >= 65_535, window <= StreamConnection.anyWindow
        else {
            throw ValidationError(
                "at least one connection with one stream, and a window of 65535 to 2147483647")
        }
    }

    func run() throws {
        var readers = Readers(self, epoll: try Epoll())
        Output.write(try readers.run().json)
    }
}

private struct Readers: ~Copyable {
    private let options: ReadersCommand
    private let epoll: Epoll
    private var connections: [StreamConnection] = []
    /// Bytes that have come, by stream, of the answers that are not whole yet.
    private var lengths: [[UInt32: Int]] = []
    private var summary = Summary()
    private var begun = SystemClock.now()

    init(_ options: ReadersCommand, epoll: consuming Epoll) {
        self.options = options
        self.epoll = epoll
    }

    private mutating func connect() throws {
        let tls = try TLSClient(application: "h2")
        for _ in 0..<options.connections {
            connections.append(try StreamConnection(port: options.port, tls: tls, window: options.window))
            lengths.append([:])
            summary.connects += 1
        }
    }

    mutating func run() throws -> Summary {
        try connect()
        for number in 0..<options.streams {
            let index = number % connections.count
            lengths[index][connections[index].ask(options.path)] = 0
        }
        for index in connections.indices where !connections[index].send() { summary.failed(.resetFresh) }
        // Nothing is read meanwhile, neither answers nor what the peer says of its settings.
        SystemClock.pause(.seconds(options.pause))
        for (index, connection) in connections.enumerated() {
            try epoll.add(connection.socket, token: UInt64(index))
        }
        begun = SystemClock.now()
        let ends = begun + .seconds(options.seconds)
        while SystemClock.now() < ends, lengths.contains(where: { !$0.isEmpty }) {
            let count = epoll.wait(milliseconds: 50)
            for event in 0..<count {
                let index = Int(epoll.event(event).token)
                if connections[index].hasUnsent { _ = connections[index].send() }
                read(index)
            }
        }
        summary.elapsed = SystemClock.now() - begun
        for _ in 0..<lengths.reduce(0, { $0 + $1.count }) { summary.failed(.timedOut) }
        for connection in connections where connection.isOpen { connection.close() }
        return summary
    }

    private mutating func read(_ index: Int) {
        var known = lengths[index]
        var failures: [Failure] = []
        var wholes = 0
        var bytesRead = 0
        let wanted = options.bytes
        connections[index].receive { event in
            switch event {
            case .head(let stream, let isGood):
                if !isGood, known.removeValue(forKey: stream) != nil { failures.append(.badStatus) }
            case .data(let stream, let bytes):
                known[stream]? += bytes.count
                bytesRead += bytes.count
            case .ended(let stream):
                guard let length = known.removeValue(forKey: stream) else { return }
                if length == wanted { wholes += 1 } else { failures.append(.badLength) }
            case .reset(let stream):
                if known.removeValue(forKey: stream) != nil { failures.append(.resetInAnswer) }
            case .goAway:
                break
            case .closed:
                failures += known.map { _ in .closedReused }
                known.removeAll()
            }
        }
        lengths[index] = known
        summary.receivedBytes += bytesRead
        for _ in 0..<wholes { summary.succeeded(nanoseconds: SystemClock.now() - begun) }
        for failure in failures { summary.failed(failure) }
    }
}
