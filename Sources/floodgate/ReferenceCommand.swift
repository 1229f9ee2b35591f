import ArgumentParser
import Proxy
import Settings

struct ReferenceCommand: ParsableCommand {
    enum Format: String, ExpressibleByArgument, CaseIterable {
        case markdown, yaml, schema
    }

    static let configuration = CommandConfiguration(
        commandName: "reference", abstract: "Print every setting with its bounds, default and meaning.")

    @Option(help: "markdown, yaml (a commented file) or schema (JSON schema, for editors).")
    var format = Format.markdown

    func run() {
        let reference = Reference(GatewaySettings.section.description)
        switch format {
        case .markdown: Terminal.say(reference.markdown)
        case .yaml: Terminal.say(reference.yaml)
        case .schema: Terminal.say(reference.schema)
        }
    }
}
