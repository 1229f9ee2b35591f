import ArgumentParser
import Control

struct KeysSubcommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keys", abstract: "Make, list, replace and revoke API keys.",
        discussion: """
            With --file they stand in that file, which a gateway reads again when it changes; without it a \
            running gateway keeps them (identity.api_keys without file).
            """,
        subcommands: [Create.self, List.self, Rotate.self, Revoke.self])

    /// Where keys are kept.
    struct Place: ParsableArguments {
        @Option(help: "The file of keys; without it the gateway behind --admin keeps them.")
        var file: String?

        @OptionGroup var admin: AdminOptions

        var command: KeysCommand { KeysCommand(file.map { .file($0) } ?? .admin(admin.call)) }
    }

    struct Create: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a key: it is printed once, on standard output alone.")

        @Option(help: "Whom backends are told of; several keys may have one owner.")
        var owner: String

        @Option(help: "The owner's plan.")
        var plan: String?

        @Option(help: "Scopes, with commas between.")
        var scopes: String?

        @Option(help: "Roles, with commas between.")
        var roles: String?

        @Option(help: "When it ends: 90d, or 2027-01-31; never without it.")
        var expires: TimeArgument?

        @Option(help: "For people.")
        var note: String?

        @OptionGroup var place: Place

        func run() throws {
            var order = APIKeyOrder(owner: owner)
            order.plan = plan
            order.scopes = scopes?.split(separator: ",").map(String.init) ?? []
            order.roles = roles?.split(separator: ",").map(String.init) ?? []
            order.expires = expires?.time
            order.note = note
            try end(with: place.command.create(order))
        }
    }

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show all keys, without their secrets.")

        @Flag(help: "As JSON.")
        var json = false

        @OptionGroup var place: Place

        func run() throws { try end(with: place.command.list(asJSON: json)) }
    }

    struct Rotate: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make another key like one, which goes on for a while and then ends.")

        @Argument(help: "The id of the key that is replaced.")
        var id: String

        @Option(help: "How long it goes on: 24h without it, 0s ends it at once.")
        var grace: SpanArgument?

        @Option(help: "When the new key ends; without it when the old one would have.")
        var expires: TimeArgument?

        @OptionGroup var place: Place

        func run() throws {
            try end(with: place.command.rotate(id: id, grace: grace?.span, expires: expires?.time))
        }
    }

    struct Revoke: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "End a key at once.")

        @Argument(help: "The key's id.")
        var id: String

        @Flag(help: "Forget it as well: no list shows it any more.")
        var remove = false

        @OptionGroup var place: Place

        func run() throws { try end(with: place.command.revoke(id: id, removes: remove)) }
    }
}
