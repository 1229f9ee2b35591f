import Addressing
import ArgumentParser
import Reactor

/// Drives a gateway and stands behind it, for proofs and measurements. A tool of the tree; it is not shipped.
@main
struct LoadGenerator: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "loadgen", abstract: "Load for a gateway, and a fast origin behind it. Loopback only.",
        subcommands: [
            LoadCommand.self, OriginCommand.self, EventOriginCommand.self, EventsCommand.self,
            FirstByteCommand.self,
            ReadersCommand.self, FloodCommand.self,
        ],
        defaultSubcommand: LoadCommand.self)
}

struct LoadCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "load",
        abstract: "Keep-alive connections in a closed loop, on one thread; prints a JSON summary.",
        discussion: """
            Every answer must have the expected status and its full announced length; anything else is a failure, counted by \
            its kind. `Connection: close` is obeyed. SIGINT and SIGTERM end the run once the requests in work are answered.
            """)

    @Option(help: "Port on 127.0.0.1.")
    var port: UInt16

    @Option(help: "Connections open at once.")
    var connections = 64

    @Option(help: "Requests in all; 0 for as many as fit into the time.")
    var requests = 0

    @Option(help: "Longest time to begin requests in, in seconds.")
    var seconds = 60.0

    @Option(help: "The request's target.")
    var path = "/"

    @Option(help: "The request's method.")
    var method = "GET"

    @Option(help: "Bytes of the request's body, sent with Content-Length.")
    var bodyBytes = 0

    @Option(name: .customLong("header"), help: "A field line to add, as `Name: value`; may be repeated.")
    var headers: [String] = []

    @Flag(help: "A connection of its own for each request.")
    var newConnectionEach = false

    @Flag(help: "TLS 1.3, without a look at the certificate.")
    var tls = false

    @Flag(help: "Connections after a slot's first resume its TLS session.")
    var resume = false

    @Option(help: "Bytes per second that each connection reads at most; 0 for no limit.")
    var readRate = 0

    @Option(help: "The status that is a success.")
    var status = 200

    @Flag(help: "Every status is a success; how many came of each, warming up included, is told.")
    var anyStatus = false

    @Option(help: "Length that each answer's body must have; without it any announced one.")
    var expectBytes: Int?

    @Option(help: "Milliseconds that a connection rests between an answer and its next request.")
    var think = 0

    @Option(name: .customLong("from"), help: "Last byte of the address to come from: 2 for 127.0.0.2.")
    var host: UInt8 = 1

    @Option(help: "Seconds without progress until a request has failed.")
    var timeout = 10.0

    @Option(help: "Seconds that connections stay open and silent after the last request.")
    var hold = 0.0

    @Option(help: "Seconds of load before anything counts but failures.")
    var warmUp = 0.0

    @Option(help: "A process whose time on a core during the window is told; may be repeated.")
    var watch: [Int] = []

    @Option(
        help:
            "Addresses to connect to in turn, from 127.0.0.1 on: one has about 28,000 ports for its clients.")
    var addresses = 1

    @Option(
        help: "Requests in work at once at most, so that many connections open gently; 0 for one on each.")
    var atOnce = 0

    func validate() throws {
        guard (1...100_000).contains(connections) else { throw ValidationError("connections: 1 to 100000") }
        guard requests >= 0, bodyBytes >= 0, readRate >= 0, think >= 0, seconds >= 0, timeout > 0, hold >= 0,
            warmUp >= 0, atOnce >= 0
        else { throw ValidationError("numbers must not be negative") }
        guard tls || !resume else { throw ValidationError("only TLS resumes") }
        guard (1...250).contains(addresses) else { throw ValidationError("addresses: 1 to 250") }
        guard (headers + [path, method]).allSatisfy({ !$0.utf8.contains(0x0D) && !$0.utf8.contains(0x0A) })
        else {
            throw ValidationError("no line ends in the path, the method or a header")
        }
    }

    func run() throws {
        let signals = try Signals()
        let epoll = try Epoll()
        try epoll.addLevelTriggered(signals.descriptor, token: Load.signalToken)
        var load = try Load(self, epoll: epoll, signals: signals)
        let summary = try load.run()
        Output.write(summary.json)
    }
}

struct OriginCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "origin", abstract: "A scripted origin that is never the bottleneck.",
        discussion: """
            Any request gets 200 with a fixed body; `/bytes/N` gets N bytes; a request with a body gets the number of bytes \
            that came; `Upgrade: websocket` gets 101 and every byte back. Ends on SIGTERM and SIGINT.
            """)

    @Option(help: "Port on 127.0.0.1; 0 for a free one, which is printed.")
    var port: UInt16 = 0

    @Option(help: "Bytes of the fixed body.")
    var body = 600

    @Option(help: "Bytes per second that each connection reads of a request's body; 0 for no limit.")
    var uploadRate = 0

    @Option(help: "Milliseconds in every second in which no request body is read at all.")
    var uploadPause = 0

    func validate() throws {
        guard body >= 0, uploadRate >= 0, (0..<1000).contains(uploadPause) else {
            throw ValidationError("numbers must not be negative, a pause is less than a second")
        }
    }

    func run() throws {
        let signals = try Signals()
        let epoll = try Epoll()
        let listener = try Listener(.ip(.loopback, port: port), backlog: 4096)
        try epoll.addLevelTriggered(listener.socket.descriptor, token: Origin.listenerToken)
        try epoll.addLevelTriggered(signals.descriptor, token: Origin.signalToken)
        var origin = Origin(self, listener: listener, epoll: epoll, signals: signals)
        Output.write("listening on 127.0.0.1:\(origin.port)\n")
        try origin.run()
    }
}
