import ArgumentParser
import Control
import Proxy
import Reactor

struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Serve, as a settings file says.",
        discussion: """
            SIGHUP reads the file again; a file with errors changes nothing. SIGTERM drains and ends, SIGINT \
            too, without waiting for balancers to notice. SIGUSR1 opens the access log again.
            """)

    @Argument(help: "The settings file.")
    var file: String

    func run() throws {
        let settingsFile = SettingsFile(path: file)
        do {
            let signals = try Signals()
            let contents = try settingsFile.load()
            for warning in contents.warnings { Terminal.complain(warning.description) }
            try GatewayRunner.run(settingsFile, contents, signals: signals)
        } catch {
            throw give(up: "\(error)")
        }
    }
}
