import ArgumentParser
import Control
import Reactor

struct StatusSubcommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Ask a running gateway how it is.",
        discussion: "Ends with 0 where it is ready for requests, with 1 where it drains or cannot be reached."
    )

    @Option(help: "The admin listener; without it FLOODGATE_ADMIN of the environment, or 127.0.0.1:9901.")
    var address: String?

    @Option(help: "The admin listener's token; without it FLOODGATE_ADMIN_TOKEN of the environment.")
    var token: String?

    @Flag(help: "As JSON.")
    var json = false

    @Flag(help: "Say nothing: the exit code tells.")
    var quiet = false

    func run() throws {
        let form: StatusCommand.Form =
            quiet ? .quiet : json ? .json : .table(Terminal.isInteractive ? .terminal : .plain)
        let environment = ProcessFiles.environment
        let result = StatusCommand(
            address: address ?? environment["FLOODGATE_ADMIN"] ?? "127.0.0.1:9901",
            token: token ?? environment["FLOODGATE_ADMIN_TOKEN"], form: form
        ).run()
        if !result.output.isEmpty { Terminal.say(result.output) }
        if !result.complaint.isEmpty { Terminal.complain(result.complaint) }
        throw ExitCode(result.exitCode)
    }
}
