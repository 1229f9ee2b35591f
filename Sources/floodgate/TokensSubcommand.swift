import ArgumentParser
import Control

struct TokensSubcommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tokens", abstract: "Revoke tokens before their time, by a running gateway.",
        subcommands: [Revoke.self, List.self, Restore.self])

    struct Revoke: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "End tokens at once; prints the key of the entry.",
            discussion: "One of --jti, --subject and --token says which.")

        @Option(help: "The token's jti.")
        var jti: String?

        @Option(help: "All tokens of this subject that were issued before --before.")
        var subject: String?

        @Option(
            help:
                "The token itself, or - to read it from standard input, where no list of processes shows it.")
        var token: String?

        @Option(help: "iss of the tokens, for --jti and --subject.")
        var issuer: String?

        @Option(help: "When the last of them has ended by itself: 30d, or 2027-01-31.")
        var until: TimeArgument

        @Option(help: "For --subject: tokens that were issued before; now without it.")
        var before: TimeArgument?

        @OptionGroup var admin: AdminOptions

        private var target: TokensCommand.Target? {
            switch (jti, subject, token, issuer) {
            case (let jti?, nil, nil, let issuer?): .tokenID(jti, issuer: issuer)
            case (nil, let subject?, nil, let issuer?):
                .subject(subject, issuer: issuer, before: before?.time)
            case (nil, nil, let token?, nil): .token(token == "-" ? readLine() ?? "" : token)
            default: nil
            }
        }

        func run() throws {
            guard let target else {
                throw ValidationError("--jti with --issuer, --subject with --issuer, or --token alone")
            }
            try end(with: TokensCommand(admin.call).revoke(target, until: until.time))
        }
    }

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show what is revoked: hashes, for names are not kept.")

        @Flag(help: "As JSON.")
        var json = false

        @OptionGroup var admin: AdminOptions

        func run() throws { try end(with: TokensCommand(admin.call).list(asJSON: json)) }
    }

    struct Restore: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Let what was revoked count again.")

        @Argument(help: "The key of the entry, as list shows it.")
        var key: String

        @OptionGroup var admin: AdminOptions

        func run() throws { try end(with: TokensCommand(admin.call).restore(key: key)) }
    }
}
