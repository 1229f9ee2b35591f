import Foundation
import Testing

/// New certificates for a gateway that runs: by SIGHUP, or because a file has changed.
@Suite struct CertificateReloadTests {
    private let files: TLSFiles
    private let origin: ScriptedOrigin
    private let gateway: GatewayProcess

    init() throws {
        files = try TLSFiles()
        origin = try .answering(body: "answered")
        gateway = try GatewayProcess(tls: [try files.leaf("site", ["old.test"])], before: origin)
    }

    private func shown() throws -> String? { try gateway.tls().names.first }

    /// The watch looks every two seconds, and wants to see a file twice.
    private func waitUntilShown(_ name: String) throws {
        try eventually("the certificate of \(name)", within: .seconds(20), every: .milliseconds(50)) {
            try shown() == name ? true : nil
        }
    }

    @Test func `SIGHUP puts a new certificate in force, connections that are open live on`() throws {
        let old = try gateway.secure()
        #expect(try old.ask(get("/")).status == 200)
        try files.leaf("site", ["new.test"])
        #expect(try shown() == "old.test", "nobody has said so yet")
        let before = gateway.said("settings reloaded")
        gateway.signal(SIGHUP)
        try gateway.waitUntilSaid("settings reloaded", times: before + 1)
        try waitUntilShown("new.test")
        #expect(try old.ask(get("/")).text == "answered")
    }

    @Test func `a change of the files alone is enough`() throws {
        let old = try gateway.secure()
        #expect(try old.ask(get("/")).status == 200)
        try files.leaf("site", ["new.test"])
        try waitUntilShown("new.test")
        #expect(gateway.said("files read again") >= 1)
        #expect(try old.ask(get("/")).text == "answered")
    }

    @Test func `a change right behind a reload is seen too`() throws {
        // Whatever stands in the file when the watch looks next is not what the reload has read.
        for round in 0..<3 {
            let before = gateway.said("settings reloaded")
            gateway.signal(SIGHUP)
            try gateway.waitUntilSaid("settings reloaded", times: before + 1)
            try files.leaf("site", ["round\(round).test"])
            try waitUntilShown("round\(round).test")
        }
    }

    /// What is written over the files, and what the log has to say of it.
    enum Damage: String, CaseIterable, CustomTestStringConvertible {
        case otherKey, garbage, empty, missing, expired, swapped

        var testDescription: String { rawValue }

        var words: String {
            switch self {
            case .otherKey: "the private key does not belong to the certificate"
            case .garbage, .empty: "no PEM in it"
            case .missing: "No such file"
            case .expired: "expired on"
            case .swapped: "a private key"
            }
        }

        func make(_ files: TLSFiles) throws {
            switch self {
            case .otherKey:
                try files.leaf("other")
                try files.write(try files.bytes("other.key"), "site.key")
            case .garbage: try files.write("what is this?\n", "site.pem")
            case .empty: try files.write([], "site.pem")
            case .missing: try FileManager.default.removeItem(atPath: files.path("site.pem"))
            case .expired:
                let old = try TLSFiles(age: .seconds(200 * 86_400))
                try old.leaf("site", ["old.test"], age: .seconds(120 * 86_400))
                try files.write(try old.bytes("site.pem"), "site.pem")
                try files.write(try old.bytes("site.key"), "site.key")
            case .swapped:
                let (certificate, key) = (try files.bytes("site.pem"), try files.bytes("site.key"))
                try files.write(key, "site.pem")
                try files.write(certificate, "site.key")
            }
        }
    }

    @Test(arguments: Damage.allCases)
    func `what is bad is refused by SIGHUP, and the old one stays`(damage: Damage) throws {
        try damage.make(files)
        gateway.signal(SIGHUP)
        try gateway.waitUntilSaid("settings refused, the old ones stay in force")
        #expect(gateway.standardError.contains(damage.words), "\(gateway.standardError)")
        #expect(gateway.standardError.contains(files.folder.path), "the file is named")
        #expect(try shown() == "old.test")
        #expect(try gateway.ask(TLSWish()).response.status == 200)
    }

    @Test(arguments: [Damage.otherKey, .garbage, .missing])
    func `what is bad is refused by the watch, said once, and what is good again is taken`(damage: Damage)
        throws
    {
        try damage.make(files)
        try gateway.waitUntilSaid("files refused, the old ones stay in force", within: .seconds(20))
        #expect(gateway.standardError.contains(damage.words), "\(gateway.standardError)")
        #expect(try shown() == "old.test")
        try files.leaf("site", ["new.test"])
        try waitUntilShown("new.test")
        #expect(gateway.said("files refused") <= 2)
    }

    @Test func `reloads and new certificates under load cost nobody an answer`() throws {
        let load = TLSLoad(clients: 4, gateway: gateway)
        for round in 0..<20 {
            if round % 4 == 0 { try files.leaf("site", ["round\(round).test"]) }
            let before = gateway.said("settings reloaded")
            gateway.signal(SIGHUP)
            try gateway.waitUntilSaid("settings reloaded", times: before + 1)
            let answers = load.answers
            try eventually("answers", within: .seconds(10), holds: { load.answers > answers })
        }
        let (answered, failures) = load.end()
        #expect(failures.isEmpty)
        #expect(answered > 20)
        try waitUntilShown("round16.test")
        try gateway.waitUntilNobodyIsThere()
    }
}
