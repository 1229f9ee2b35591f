import ArgumentParser
import Control
import Reactor
import Settings
import Time

/// Which gateway a command asks.
struct AdminOptions: ParsableArguments {
    @Option(
        name: [.customLong("admin"), .customLong("address")],
        help: "The admin listener; without it FLOODGATE_ADMIN of the environment, or 127.0.0.1:9901.")
    var address: String?

    @Option(
        name: [.customLong("admin-token")],
        help: "The admin listener's token; without it FLOODGATE_ADMIN_TOKEN of the environment.")
    var adminToken: String?

    var call: AdminCall {
        let environment = ProcessFiles.environment
        return AdminCall(
            address: address ?? environment["FLOODGATE_ADMIN"] ?? "127.0.0.1:9901",
            token: adminToken ?? environment["FLOODGATE_ADMIN_TOKEN"])
    }
}

/// A time that is written as one, or as a span from now on.
struct TimeArgument: ExpressibleByArgument {
    let time: WallTime

    init?(argument: String) {
        if let time = WallTime(timestamp: argument) {
            self.time = time
        } else if let span = try? Quantity.duration(argument), span > .zero {
            time = WallTime(nanoseconds: SystemClock.wallTime().nanoseconds + span.nanoseconds)
        } else {
            return nil
        }
    }
}

/// `250ms`, `24h`, `7d`.
struct SpanArgument: ExpressibleByArgument {
    let span: Duration

    init?(argument: String) {
        guard let span = try? Quantity.duration(argument) else { return nil }
        self.span = span
    }
}

extension ParsableCommand {
    /// Says what a command has to say, and ends with its code.
    func end(with result: CommandResult) throws {
        if !result.output.isEmpty { Terminal.say(result.output) }
        if !result.complaint.isEmpty { Terminal.complain(result.complaint) }
        throw ExitCode(result.exitCode)
    }
}
