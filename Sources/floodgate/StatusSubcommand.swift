import ArgumentParser
import Control

struct StatusSubcommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Ask a running gateway how it is.",
        discussion: "Ends with 0 where it is ready for requests, with 1 where it drains or cannot be reached."
    )

    @OptionGroup var admin: AdminOptions

    /// The name of --admin-token before there were other commands with it.
    @Option(help: .hidden)
    var token: String?

    @Flag(help: "As JSON.")
    var json = false

    @Flag(help: "Say nothing: the exit code tells.")
    var quiet = false

    func run() throws {
        let form: StatusCommand.Form =
            quiet ? .quiet : json ? .json : .table(Terminal.isInteractive ? .terminal : .plain)
        var admin = admin
        admin.adminToken = admin.adminToken ?? token
        try end(with: StatusCommand(form, admin.call).run())
    }
}
