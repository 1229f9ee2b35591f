import Foundation
import Testing

/// `floodgate check` on files that TLS cannot do with: each is named with its place and what is wrong.
@Suite struct TLSCheckTests {
    private let files: TLSFiles

    init() throws {
        files = try TLSFiles()
        try files.leaf("site")
        try files.leaf("other")
    }

    private func check(
        certificate: String = "site.pem", key: String = "site.key", more: String = "", tls: String = ""
    )
        throws -> (exit: ChildProcess.Exit, errors: String)
    {
        let settings = """
            listeners:
              - address: 127.0.0.1:0
                tls:
                  certificates:
                    - certificate: \(files.path(certificate))
                      key: \(files.path(key))
                      \(more)
                  \(tls)
            upstreams: { app: { servers: [127.0.0.1:9] } }
            routes: [{ path: /*, upstream: app }]
            """
        try files.write(settings, "gateway.yaml")
        let result = try ChildProcess.run(GatewayProcess.binary, ["check", files.path("gateway.yaml")])
        return (result.exit, result.errors)
    }

    /// An error at a place of the file.
    private func expect(
        _ result: (exit: ChildProcess.Exit, errors: String), at place: String, _ words: String...,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        #expect(result.exit == .code(1), sourceLocation: sourceLocation)
        let line = result.errors.split(separator: "\n").first { $0.contains("gateway.yaml:\(place): ") }
        #expect(line != nil, "\(place): \(result.errors)", sourceLocation: sourceLocation)
        for words in words {
            #expect(
                line?.contains(words) == true, "\(words): \(result.errors)", sourceLocation: sourceLocation)
        }
    }

    @Test func `what is right passes`() throws {
        let result = try check()
        #expect(result.exit == .code(0), "\(result.errors)")
        #expect(result.errors.isEmpty)
    }

    @Test func `files that are not there, or cannot be read`() throws {
        try expect(check(certificate: "none.pem"), at: "5:24", "none.pem", "No such file")
        try expect(check(key: "none.key"), at: "6:16", "none.key", "No such file")
        try FileManager.default.createDirectory(
            atPath: files.path("folder"), withIntermediateDirectories: false)
        try expect(check(certificate: "folder"), at: "5:24", "Is a directory")
    }

    @Test func `what is no PEM, or cut, or binary`() throws {
        try files.write("hello\n", "text")
        try expect(check(certificate: "text"), at: "5:24", "no PEM in it")
        try expect(check(key: "text"), at: "6:16", "no PEM in it")
        try files.write(Array(try files.bytes("site.pem").dropLast(40)), "cut.pem")
        try expect(check(certificate: "cut.pem"), at: "5:24", "the file was cut")
        try files.openssl(
            "x509", "-in", files.path("site.pem"), "-outform", "der", "-out", files.path("site.der"))
        try expect(check(certificate: "site.der"), at: "5:24", "binary (DER)")
    }

    @Test func `a key of another certificate, a key with a passphrase, files that are swapped`() throws {
        try expect(check(key: "other.key"), at: "6:16", "the private key does not belong to the certificate")
        try files.openssl(
            "pkey", "-in", files.path("site.key"), "-aes128", "-passout", "pass:secret", "-out",
            files.path("locked.key"))
        try expect(check(key: "locked.key"), at: "6:16", "passphrase")
        let swapped = try check(certificate: "site.key", key: "site.pem")
        expect(swapped, at: "5:24", "a private key where certificates are expected")
    }

    @Test func `a certificate whose time is over, or whose key is weak, or in the wrong order`() throws {
        let old = try TLSFiles(age: .seconds(200 * 86_400))
        try old.leaf("site", age: .seconds(120 * 86_400))
        try files.write(try old.bytes("site.pem"), "old.pem")
        try files.write(try old.bytes("site.key"), "old.key")
        try expect(check(certificate: "old.pem", key: "old.key"), at: "5:24", "expired on")
        try files.rsaLeaf("weak", bits: 1024)
        try expect(check(certificate: "weak.pem", key: "weak.key"), at: "5:24", "1024 bits")
        try files.write(try files.bytes("authority.pem") + files.bytes("site.pem"), "backwards.pem")
        try expect(check(certificate: "backwards.pem", key: "site.key"), at: "6:16", "does not belong")
    }

    @Test func `a certificate that ends soon is a warning`() throws {
        let old = try TLSFiles(age: .seconds(100 * 86_400))
        try old.leaf("site", age: .seconds(85 * 86_400))
        try files.write(try old.bytes("site.pem"), "old.pem")
        try files.write(try old.bytes("site.key"), "old.key")
        let result = try check(certificate: "old.pem", key: "old.key")
        #expect(result.exit == .code(0))
        #expect(result.errors.contains("the certificate expires in"), "\(result.errors)")
    }

    @Test func `authorities and statuses that are none`() throws {
        let path = files.path("none.pem")
        try expect(
            check(tls: "client_certificates: required\n      client_authorities: \(path)"), at: "9:27",
            "none.pem",
            "No such file")
        try files.write("hello\n", "text")
        try expect(
            check(tls: "client_certificates: required\n      client_authorities: \(files.path("text"))"),
            at: "9:27",
            "no PEM in it")
        let alone = try check(tls: "client_certificates: required")
        #expect(alone.exit == .code(1))
        #expect(alone.errors.contains("client_certificates needs client_authorities"))
        try expect(check(more: "ocsp: \(files.path("text"))"), at: "7:17", "no successful OCSP response")
    }

    @Test(arguments: [0, 16, 47, 79, 81, 160])
    func `ticket keys of another size`(size: Int) throws {
        try files.write([UInt8](repeating: 7, count: size), "tickets")
        let settings = """
            ticket_keys:
              - \(files.path("tickets"))
            routes: [{ path: /*, respond: { status: 200 } }]
            """
        try files.write(settings, "gateway.yaml")
        let result = try ChildProcess.run(GatewayProcess.binary, ["check", files.path("gateway.yaml")])
        expect((result.exit, result.errors), at: "2:5", "has \(size) bytes, a key 80")
    }
}
