import Certificates
import Foundation
import Testing

/// `floodgate certs`: what it writes, what it leaves alone, and what it says.
@Suite final class CertificateCommandTests {
    private let folder = FileManager.default.temporaryDirectory
        .appending(path: "floodgate-certs-\(UUID().uuidString)").path

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    private func certs(_ arguments: String...) throws -> (
        exit: ChildProcess.Exit, output: String, errors: String
    ) {
        try ChildProcess.run(GatewayProcess.binary, ["certs"] + arguments)
    }

    private func dev(_ arguments: String...) throws -> String {
        let result = try ChildProcess.run(
            GatewayProcess.binary, ["certs", "dev", "--directory", folder] + arguments)
        #expect(result.exit == .code(0), "\(result.errors)")
        return result.output
    }

    private func bytes(_ name: String) throws -> [UInt8] {
        Array(try Data(contentsOf: URL(filePath: folder + "/" + name)))
    }

    private func write(_ text: String, _ name: String) throws {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try Data(text.utf8).write(to: URL(filePath: folder + "/" + name))
    }

    private func permissions(_ name: String) throws -> Int? {
        let attributes = try FileManager.default.attributesOfItem(atPath: folder + "/" + name)
        return (attributes[.posixPermissions] as? NSNumber)?.intValue
    }

    private var now: Int64 { Int64(Date().timeIntervalSince1970) }

    @Test func `four files are made that belong together, and the keys are the owner's alone`() throws {
        let output = try dev()
        let names = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
        #expect(names == ["authority.key", "authority.pem", "site.key", "site.pem"])
        #expect(try permissions("authority.key") == 0o600)
        #expect(try permissions("site.key") == 0o600)
        let authority = try CertificateChain(pem: bytes("authority.pem"))
        let site = try CertificateChain(pem: bytes("site.pem"))
        #expect(site.certificates.count == 1)
        #expect(site.leaf.names.map(\.description) == ["localhost", "127.0.0.1", "::1"])
        #expect(authority.leaf.issued(site.leaf))
        let key = try PrivateKeyFile(pem: bytes("site.key"))
        #expect(CertificateInspection.problems(site, key: key, now: now).isEmpty)
        #expect(try PrivateKeyFile(pem: bytes("authority.key")).matches(authority))
        #expect(
            output.contains("curl --cacert \(folder)/authority.pem https://localhost:8443/healthz"),
            "\(output)")
    }

    @Test func `a second run keeps the authority and makes the site anew`() throws {
        _ = try dev()
        let authority = try bytes("authority.pem")
        let key = try bytes("authority.key")
        let site = try bytes("site.pem")
        let output = try dev("--name", "app.test", "--name", "2001:db8::1")
        #expect(output.contains("the authority that was there"))
        #expect(try bytes("authority.pem") == authority)
        #expect(try bytes("authority.key") == key)
        #expect(try bytes("site.pem") != site)
        let renewed = try CertificateChain(pem: bytes("site.pem"))
        #expect(renewed.leaf.names.map(\.description) == ["app.test", "2001:db8::1"])
        #expect(try CertificateChain(pem: authority).leaf.issued(renewed.leaf))
    }

    @Test func `an authority whose time is over is replaced, and that is said`() throws {
        let old = try DevelopmentAuthority.make(
            now: now - 400 * 86_400, serial: [UInt8](repeating: 1, count: 16))
        try write(old.certificatePEM, "authority.pem")
        try write(try old.keyPEM(), "authority.key")
        #expect(try dev().contains("must be told to trust this one"))
        let authority = try CertificateChain(pem: bytes("authority.pem"))
        #expect(authority.leaf.fingerprint != old.certificate.fingerprint)
        #expect(try permissions("authority.key") == 0o600)
    }

    @Test func `an authority that is damaged stays as it is`() throws {
        _ = try dev()
        try write("damaged\n", "authority.pem")
        let site = try bytes("site.pem")
        let result = try certs("dev", "--directory", folder)
        #expect(result.exit == .code(1))
        #expect(result.errors.contains("\(folder): the authority's certificate: no PEM in it"))
        #expect(try bytes("authority.pem") == Array("damaged\n".utf8))
        #expect(try bytes("site.pem") == site)
    }

    @Test func `a folder that cannot be made or written is named with the reason`() throws {
        try write("", "file")
        let file = folder + "/file"
        let result = try certs("dev", "--directory", file)
        #expect(result.exit == .code(1))
        #expect(result.errors == "\(file): mkdir: Not a directory\n")
        let missing = try certs("dev", "--directory", folder + "/a/b")
        #expect(missing.errors == "\(folder)/a/b: mkdir: No such file or directory\n")
    }

    @Test func `a name that cannot be is refused before anything is written`() throws {
        let result = try certs("dev", "--directory", folder, "--name", "a,DNS:b")
        #expect(result.exit == .code(1))
        #expect(result.errors.contains("no certificate can be made for `a,DNS:b`"))
        #expect(!FileManager.default.fileExists(atPath: folder))
    }

    @Test func `show prints what is in the files, and ends with 1 where something is wrong`() throws {
        _ = try dev()
        let sound = try certs("show", folder + "/site.pem", folder + "/authority.pem")
        #expect(sound.exit == .code(0), "\(sound)")
        #expect(sound.output.contains("\(folder)/site.pem:\n1. CN=localhost\n   names        localhost, "))
        // A second later it is a day less.
        #expect(sound.output.contains(", 90 days left") || sound.output.contains(", 89 days left"))
        #expect(sound.output.contains("authority, self-signed"))
        let key = try certs("show", folder + "/site.key", folder + "/site.pem")
        #expect(key.exit == .code(1))
        #expect(key.errors.hasPrefix("\(folder)/site.key: line 1: a private key"))
        #expect(key.output.contains("CN=localhost"))
        let text = try bytes("site.pem") + bytes("site.pem")
        try write(String(decoding: text, as: UTF8.self), "twice.pem")
        let twice = try certs("show", folder + "/twice.pem")
        #expect(twice.exit == .code(1))
        #expect(twice.output.contains("error: certificate 2 did not issue certificate 1"))
    }
}
