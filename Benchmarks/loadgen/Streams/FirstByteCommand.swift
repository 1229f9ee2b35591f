import ArgumentParser
import Glibc
import Reactor
import Time

struct FirstByteCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "first-byte",
        abstract:
            "One request after the other over one connection of HTTP/2: the time to the first byte of each body."
    )

    @Option(help: "Port on 127.0.0.1.")
    var port: UInt16

    @Option(help: "Requests that count, behind a tenth that does not.")
    var requests = 2000

    @Option(help: "The requests' target.")
    var path = "/"

    func run() throws {
        let connection = try StreamConnection(port: port, tls: TLSClient(application: "h2"))
        var summary = Summary()
        let start = SystemClock.now()
        for number in 0..<(requests + requests / 10) {
            if number == requests / 10 { summary.forgetAnswers() }
            ask(connection, &summary)
            guard connection.isOpen else { break }
        }
        summary.elapsed = SystemClock.now() - start
        if connection.isOpen { connection.close() }
        Output.write(summary.json)
    }

    private func ask(_ connection: StreamConnection, _ summary: inout Summary) {
        let begun = SystemClock.now()
        let ends = begun + .seconds(5)
        _ = connection.ask(path)
        guard connection.send() else { return summary.failed(.resetReused) }
        var first: Instant?
        var isOver = false
        var failure: Failure?
        while !isOver, failure == nil {
            guard StreamConnection.wait(connection.socket, for: POLLIN, until: ends) else {
                failure = .timedOut
                break
            }
            connection.receive { event in
                switch event {
                case .head(_, let isGood): if !isGood { failure = .badStatus }
                case .data: first = first ?? SystemClock.now()
                case .ended: isOver = true
                case .reset, .closed: failure = .resetInAnswer
                case .goAway: break
                }
            }
        }
        if let failure { return summary.failed(failure) }
        guard let first else { return summary.failed(.badLength) }
        summary.succeeded(nanoseconds: first - begun)
    }
}
