import Addressing
import ArgumentParser
import Control

struct ExplainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain", abstract: "Say what a request would meet: address, route, limits, upstream.",
        discussion:
            "Sends nothing. Example: floodgate explain GET /orders --file gateway.yaml --header 'Host: a.com'"
    )

    @Argument(help: "The request's method.")
    var method: String

    @Argument(help: "The request's target: path and query.")
    var target: String

    @Option(help: "The settings file.")
    var file = "Config/quickstart.yaml"

    @Option(help: "Address that the connection comes from.")
    var client = "203.0.113.7"

    @Option(help: "A request field, `Name: value`; may be given several times.")
    var header: [String] = []

    @Option(help: "Origin of the page that asks, as `--header 'Origin: …'` would say it.")
    var origin: String?

    func run() throws {
        do {
            let settings = try SettingsFile(path: file).load().settings
            guard let address = IPAddress(client) else {
                throw ValidationError("--client is no address: \(client)")
            }
            let fields = try header.map(field) + (origin.map { [(name: "Origin", value: $0)] } ?? [])
            Terminal.say(
                try Explanation(settings).text(
                    method: method, target: target, client: address, fields: fields))
        } catch let error as ValidationError {
            throw error
        } catch {
            throw give(up: "\(error)")
        }
    }

    private func field(_ text: String) throws -> (name: String, value: String) {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2 else { throw ValidationError("--header is `Name: value`, not \(text)") }
        return (String(parts[0]), String(parts[1].drop { $0 == " " }))
    }
}
