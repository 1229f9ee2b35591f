import Certificates
import Foundation

/// Certificates and keys of one test, made when they are needed, in a folder that goes with it.
final class TLSFiles: Sendable {
    let folder: URL
    /// Signs what `leaf` makes; its certificate stands in `authority.pem`.
    let authority: DevelopmentAuthority

    /// - Parameter age: how long ago the authority was made.
    init(age: Duration = .zero) throws {
        folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("floodgate-tls-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        authority = try DevelopmentAuthority.make(
            now: Self.now - age.components.seconds, serial: Self.serial())
        try write(authority.certificatePEM, "authority.pem")
        try write(try authority.keyPEM(), "authority.key")
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    static var now: Int64 { Int64(Date().timeIntervalSince1970) }

    static func serial() -> [UInt8] { (0..<16).map { _ in UInt8.random(in: 0...255) } }

    func path(_ name: String) -> String { folder.appendingPathComponent(name).path }

    func write(_ text: String, _ name: String) throws { try write(Array(text.utf8), name) }

    /// Replaces a file at once, as whoever renews certificates should.
    func write(_ bytes: [UInt8], _ name: String) throws {
        try Data(bytes).write(to: folder.appendingPathComponent(name), options: .atomic)
    }

    func bytes(_ name: String) throws -> [UInt8] {
        Array(try Data(contentsOf: folder.appendingPathComponent(name)))
    }

    /// Makes `stem`.pem and `stem`.key with a P-256 key and returns them as an entry of `certificates`.
    ///
    /// - Parameter age: how long ago it was made; it is good for 90 days.
    @discardableResult
    func leaf(
        _ stem: String, _ names: [String] = ["localhost"], use: DevelopmentAuthority.Use = .server,
        age: Duration = .zero, more: String = ""
    ) throws -> String {
        let leaf = try authority.leaf(
            names: names.map { try AlternativeName(wanted: $0) }, use: use,
            now: Self.now - age.components.seconds, serial: Self.serial())
        try write(leaf.certificatePEM, "\(stem).pem")
        try write(leaf.keyPEM, "\(stem).key")
        return entry(stem, more: more)
    }

    /// The same with an RSA key, signed by itself.
    @discardableResult
    func rsaLeaf(_ stem: String, _ names: [String] = ["localhost"], bits: Int = 2048) throws -> String {
        try openssl(
            "req", "-x509", "-newkey", "rsa:\(bits)", "-nodes", "-sha256", "-days", "30", "-keyout",
            path("\(stem).key"), "-out", path("\(stem).pem"), "-subj", "/CN=\(names[0])", "-addext",
            "subjectAltName=" + names.map { "DNS:\($0)" }.joined(separator: ","))
        return entry(stem)
    }

    func entry(_ stem: String, more: String = "") -> String {
        "{ certificate: \(path("\(stem).pem")), key: \(path("\(stem).key"))\(more) }"
    }

    /// A client's certificate with any subject, in the words of `openssl req -subj`.
    func client(_ stem: String, subject: String) throws {
        try openssl(
            "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
            path("\(stem).key"), "-out", path("\(stem).csr"), "-subj", subject, "-utf8")
        try openssl(
            "x509", "-req", "-in", path("\(stem).csr"), "-CA", path("authority.pem"), "-CAkey",
            path("authority.key"), "-CAcreateserial", "-days", "30", "-out", path("\(stem).pem"))
    }

    /// Writes the authority's word on a certificate, as OCSP has it (DER), to `stem`.ocsp.
    func status(of stem: String) throws -> [UInt8] {
        let serial = try openssl("x509", "-in", path("\(stem).pem"), "-noout", "-serial")
            .trimmingCharacters(in: .whitespacesAndNewlines).dropFirst("serial=".count)
        try write("V\t491231235959Z\t\t\(serial)\tunknown\t/CN=localhost\n", "index.txt")
        try openssl(
            "ocsp", "-issuer", path("authority.pem"), "-cert", path("\(stem).pem"), "-no_nonce", "-reqout",
            path("\(stem).request"))
        try openssl(
            "ocsp", "-index", path("index.txt"), "-CA", path("authority.pem"), "-rsigner",
            path("authority.pem"), "-rkey", path("authority.key"), "-reqin", path("\(stem).request"),
            "-respout", path("\(stem).ocsp"), "-ndays", "7")
        return try bytes("\(stem).ocsp")
    }

    /// Runs openssl to its end, which must be a good one.
    @discardableResult
    func openssl(_ arguments: String...) throws -> String {
        let result = try ChildProcess.run("/usr/bin/openssl", arguments)
        guard result.exit == .code(0) else {
            throw ChildProcess.CannotStart(path: "openssl \(arguments[0])", reason: result.errors)
        }
        return result.output
    }

    /// Subject alternative names of a certificate, to tell one from another.
    static func names(_ pem: [UInt8]) throws -> [String] {
        try CertificateChain(pem: pem).leaf.names.map(\.description)
    }
}
