import ArgumentParser
import Control
import Reactor

struct BansSubcommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bans", abstract: "Show and change whom a running gateway does not serve.",
        subcommands: [List.self, Add.self, Lift.self], defaultSubcommand: List.self)

    struct Options: ParsableArguments {
        @Option(help: "The admin listener; without it FLOODGATE_ADMIN of the environment, or 127.0.0.1:9901.")
        var admin: String?

        @Option(help: "The admin listener's token; without it FLOODGATE_ADMIN_TOKEN of the environment.")
        var token: String?

        func run(_ action: BansCommand.Action) throws -> Never {
            let environment = ProcessFiles.environment
            let access = AdminAccess(
                address: admin ?? environment["FLOODGATE_ADMIN"] ?? "127.0.0.1:9901",
                token: token ?? environment["FLOODGATE_ADMIN_TOKEN"])
            let result = BansCommand(action, access: access).run()
            if !result.output.isEmpty { Terminal.say(result.output) }
            if !result.complaint.isEmpty { Terminal.complain(result.complaint) }
            throw ExitCode(result.exitCode)
        }
    }

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Whom the gateway does not serve.")

        @OptionGroup var options: Options

        @Flag(help: "As JSON.")
        var json = false

        func run() throws { try options.run(.list(json: json)) }
    }

    struct Add: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Ban an address.")

        @Argument(help: "The client's address; of IPv6 all of its block.")
        var address: String

        @Option(name: .customLong("for"), help: "How long, as 10m or 1d.")
        var duration: String?

        @OptionGroup var options: Options

        func run() throws { try options.run(.add(address: address, duration: duration)) }
    }

    struct Lift: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "End a ban.")

        @Argument(help: "The address or block, as `list` shows it.")
        var address: String

        @OptionGroup var options: Options

        func run() throws { try options.run(.lift(address: address)) }
    }
}
