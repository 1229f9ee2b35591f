import Addressing
import ArgumentParser
import Certificates
import Reactor

struct CertsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "certs", abstract: "Make certificates for development, and look into any.",
        subcommands: [CertsDevCommand.self, CertsShowCommand.self])

    /// Bytes of a file with certificates or a key. A chain has some thousands.
    static let fileLimit = 1 << 20
}

struct CertsDevCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dev",
        abstract: "Make a certificate for this machine, signed by a private authority of your own.",
        discussion: """
            Writes authority.pem, authority.key, site.pem and site.key. An authority that is there and good \
            is kept, so that whoever trusts it need not be told again; the site's certificate is made anew.
            """)

    @Option(help: "Folder for the files; made where it is missing.")
    var directory = "Certs"

    @Option(
        name: .customLong("name"),
        help: ArgumentHelp(
            "A DNS name or IP address; may be given several times. Without it localhost, 127.0.0.1 and ::1.",
            valueName: "name"))
    var wanted: [String] = []

    func run() throws {
        do {
            let names = try (wanted.isEmpty ? CertificateFolder.ownNames : wanted)
                .map { try AlternativeName(wanted: $0) }
            let folder = CertificateFolder(path: directory)
            let now = SystemClock.wallTime().seconds
            let (authority, origin) = try folder.authority(now: now)
            let leaf = try authority.leaf(names: names, now: now, serial: CertificateFolder.serial())
            try folder.write(site: leaf)
            Terminal.say(text(folder, authority, origin, leaf))
        } catch {
            throw give(up: "\(error)")
        }
    }

    private func text(
        _ folder: CertificateFolder, _ authority: DevelopmentAuthority, _ origin: CertificateFolder.Origin,
        _ leaf: DevelopmentAuthority.Leaf
    ) -> String {
        let names = leaf.certificate.names
        let list = names.map(\.description).joined(separator: ", ")
        var lines = [
            "\(folder.authority): \(origin.words), "
                + "good until \(UTCText.text(authority.certificate.notAfter))",
            "\(folder.authorityKey): its key: whoever has it can sign for every name, so keep it to yourself",
            "\(folder.site): new, for \(list), good until \(UTCText.text(leaf.certificate.notAfter))",
            "\(folder.siteKey): its key",
            "",
            "curl: curl --cacert \(folder.authority) \(Self.link(names[0]))",
            "This machine's programs: cp \(folder.authority) "
                + "/usr/local/share/ca-certificates/floodgate-development.crt && update-ca-certificates "
                + "(as root)",
            "Browsers: import \(folder.authority) in their settings as an authority for web sites",
        ]
        if case .renewed = origin {
            lines.append("Whoever trusted the old authority must be told to trust this one.")
        }
        return lines.joined(separator: "\n")
    }

    /// Where the recipes' listener would answer to a name.
    private static func link(_ name: AlternativeName) -> String {
        let host =
            switch name {
            case .dns(let text): text.hasPrefix("*.") ? "www" + text.dropFirst() : text
            case .address(let address): address.isIPv4 ? "\(address)" : "[\(address)]"
            }
        return "https://\(host):8443/healthz"
    }
}

struct CertsShowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Print what the certificates of PEM files say, and what is wrong.",
        discussion: "Ends with 1 where a file cannot be read or something is wrong with its certificates.")

    @Argument(help: "Files with certificates, the leaf first.")
    var files: [String]

    func run() throws {
        let now = SystemClock.wallTime().seconds
        var isSound = true
        for (index, file) in files.enumerated() {
            do {
                let chain = try CertificateChain(
                    pem: try ProcessFiles.read(file, limit: CertsCommand.fileLimit))
                if index > 0 { Terminal.say("") }
                Terminal.say("\(file):\n\(CertificateReport.text(chain, now: now))")
                let problems = CertificateInspection.problems(chain, key: nil, now: now)
                if problems.contains(where: { $0.severity == .error }) { isSound = false }
            } catch {
                Terminal.complain("\(file): \(error)")
                isSound = false
            }
        }
        if !isSound { throw ExitCode(1) }
    }
}
