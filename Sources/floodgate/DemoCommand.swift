import ArgumentParser
import Control
import Demo
import Proxy
import Reactor

struct DemoCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo",
        abstract: "Run a scripted backend and the gateway before it, and say what to try.")

    @Option(help: "The settings file.")
    var file = "Config/quickstart.yaml"

    @Option(help: "Port of the scripted backend, on 127.0.0.1.")
    var originPort: UInt16 = 9000

    func run() throws {
        let settingsFile = SettingsFile(path: file)
        do {
            let signals = try Signals()
            let contents = try settingsFile.load()
            for warning in contents.warnings { Terminal.complain(warning.description) }
            let origin = try DemoOrigin(port: originPort)
            try origin.start()
            defer { origin.stop() }
            try GatewayRunner.run(settingsFile, contents, signals: signals) { gateway in
                let admin = contents.settings.admin.address?.text ?? "off"
                Terminal.say(
                    DemoGuide.text(
                        gateway: gateway.addresses.first?.description ?? "", admin: admin,
                        origin: "127.0.0.1:\(origin.port)", command: Terminal.command,
                        styled: Terminal.isInteractive))
            }
        } catch {
            throw give(up: "\(error)")
        }
    }
}
