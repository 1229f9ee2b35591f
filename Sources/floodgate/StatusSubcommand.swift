import ArgumentParser
import Control

struct StatusSubcommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Ask a running gateway how it is.",
        discussion: "Ends with 0 where it is ready for requests, with 1 where it drains or cannot be reached."
    )

    @Option(help: "The admin listener: 127.0.0.1:9901, unix:/path.")
    var address = "127.0.0.1:9901"

    @Option(help: "The admin listener's token.")
    var token: String?

    @Flag(help: "As JSON.")
    var json = false

    @Flag(help: "Say nothing: the exit code tells.")
    var quiet = false

    func run() throws {
        let form: StatusCommand.Form =
            quiet ? .quiet : json ? .json : .table(Terminal.isInteractive ? .terminal : .plain)
        let result = StatusCommand(address: address, token: token, form: form).run()
        if !result.output.isEmpty { Terminal.say(result.output) }
        if !result.complaint.isEmpty { Terminal.complain(result.complaint) }
        throw ExitCode(result.exitCode)
    }
}
