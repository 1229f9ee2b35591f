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
            try prepareCertificates()
            let contents = try settingsFile.load()
            for warning in contents.warnings { Terminal.complain(warning.description) }
            let origin = try DemoOrigin(port: originPort)
            try origin.start()
            defer { origin.stop() }
            try GatewayRunner.run(settingsFile, contents, signals: signals) { gateway in
                let secure = contents.settings.listeners.firstIndex { $0.tls != nil }
                let admin = contents.settings.admin.address?.text ?? "off"
                Terminal.say(
                    DemoGuide.text(
                        gateway: gateway.addresses.first?.description ?? "",
                        secure: secure.map { gateway.addresses[$0].description }, admin: admin,
                        origin: "127.0.0.1:\(origin.port)", command: Terminal.command,
                        styled: Terminal.isInteractive))
            }
        } catch {
            throw give(up: "\(error)")
        }
    }

    /// The demo's settings name certificates that nobody has made yet on a new machine.
    private func prepareCertificates() throws {
        let text = String(
            decoding: try ProcessFiles.read(file, limit: SettingsFile.longest), as: UTF8.self)
        let settings = GatewaySettings.load(
            text: text, file: file, environment: ProcessFiles.environment
        ).settings
        for tls in settings?.listeners.compactMap(\.tls) ?? [] {
            for certificate in tls.certificates where certificate.certificate.hasSuffix("/site.pem") {
                let folder = CertificateFolder(path: String(certificate.certificate.dropLast(9)))
                try folder.prepare(now: SystemClock.wallTime().seconds)
            }
        }
    }
}
