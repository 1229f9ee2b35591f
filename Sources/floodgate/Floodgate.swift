import ArgumentParser
import Control

/// The command line: what an operator types.
@main
struct Floodgate: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "floodgate",
        abstract: "A reverse-proxy gateway: one YAML file, validated reloads, readable refusals.",
        version: Gateway.version,
        subcommands: [
            RunCommand.self, CheckCommand.self, ExplainCommand.self, ReferenceCommand.self,
            StatusSubcommand.self, KeysSubcommand.self, TokensSubcommand.self, BansSubcommand.self,
            LimitsSubcommand.self,
            CertsCommand.self, DemoCommand.self,
        ])
}
