import ArgumentParser
import Control

struct BansSubcommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bans", abstract: "Show and change whom a running gateway does not serve.",
        subcommands: [List.self, Add.self, Lift.self], defaultSubcommand: List.self)

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Whom the gateway does not serve.")

        @OptionGroup var admin: AdminOptions

        @Flag(help: "As JSON.")
        var json = false

        func run() throws { try end(with: BansCommand(.list(json: json), admin.call).run()) }
    }

    struct Add: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Ban an address.")

        @Argument(help: "The client's address; of IPv6 all of its block.")
        var address: String

        @Option(name: .customLong("for"), help: "How long, as 10m or 1d.")
        var duration: String?

        @OptionGroup var admin: AdminOptions

        func run() throws {
            try end(with: BansCommand(.add(address: address, duration: duration), admin.call).run())
        }
    }

    struct Lift: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "End a ban.")

        @Argument(help: "The address or block, as `list` shows it.")
        var address: String

        @OptionGroup var admin: AdminOptions

        func run() throws { try end(with: BansCommand(.lift(address: address), admin.call).run()) }
    }
}
