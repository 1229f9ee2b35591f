import ArgumentParser
import Control

struct LimitsSubcommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "limits",
        abstract: "Show what a running gateway leaves of a limit, or let it begin anew.",
        subcommands: [Show.self, Reset.self])

    /// Whose counter of which limit.
    struct Counter: ParsableArguments {
        @Argument(help: "The limit's name.")
        var limit: String

        @Argument(help: "Whom it counts, as `explain` shows it: ip=192.0.2.7, user=users|alice, all.")
        var holder: String
    }

    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "What is left of a limit.")

        @OptionGroup var counter: Counter

        @OptionGroup var admin: AdminOptions

        @Flag(help: "As JSON.")
        var json = false

        func run() throws {
            let command = LimitsCommand(
                .show, limit: counter.limit, holder: counter.holder, json: json, admin.call)
            try end(with: command.run())
        }
    }

    struct Reset: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Let a limit begin anew, on all gateways that share it.")

        @OptionGroup var counter: Counter

        @OptionGroup var admin: AdminOptions

        func run() throws {
            try end(
                with: LimitsCommand(.reset, limit: counter.limit, holder: counter.holder, admin.call).run())
        }
    }
}
