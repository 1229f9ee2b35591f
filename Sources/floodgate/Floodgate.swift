import ArgumentParser

/// The command line: what an operator types.
@main
struct Floodgate: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "floodgate",
        abstract: "A reverse-proxy gateway: one YAML file, validated reloads, readable refusals.",
        version: version,
        subcommands: [
            RunCommand.self, CheckCommand.self, ExplainCommand.self, ReferenceCommand.self, DemoCommand.self,
        ])

    static let version = "0.1.0"
}
