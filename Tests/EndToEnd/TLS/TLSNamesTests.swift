import Foundation
import Testing

/// Which certificate a client is shown: by the name that it asks for, and by what it can verify.
@Suite struct TLSNamesTests {
    private let files: TLSFiles
    private let origin: ScriptedOrigin
    private let gateway: GatewayProcess

    init() throws {
        files = try TLSFiles()
        origin = try .answering()
        gateway = try GatewayProcess(
            tls: [
                try files.leaf("default", ["first.test", "second.test"]),
                try files.leaf("exact", ["www.example.test"]),
                try files.leaf("wildcard", ["*.example.test"]),
                try files.leaf("both", ["both.test"]), try files.rsaLeaf("both-rsa", ["both.test"]),
            ], before: origin)
    }

    private static let choices: [(String?, String)] = [
        ("first.test", "first.test"), ("second.test", "first.test"), ("FIRST.Test", "first.test"),
        (nil, "first.test"), ("unknown.test", "first.test"), ("example.test", "first.test"),
        ("a.b.example.test", "first.test"), ("www.example.test", "www.example.test"),
        ("WWW.EXAMPLE.TEST", "www.example.test"), ("api.example.test", "*.example.test"),
        ("both.test", "both.test"),
    ]

    @Test(arguments: choices)
    func `the certificate is that of the name`(name: String?, certificate: String) throws {
        for version in [TLSWish.Version.tls12, .tls13] {
            var wish = TLSWish.only(version)
            wish.name = name
            #expect(try gateway.tls(wish).names.first == certificate)
        }
    }

    @Test(arguments: [TLSWish.Version.tls12, .tls13])
    func `of two kinds of key the client gets the one that it can verify`(version: TLSWish.Version) throws {
        var wish = TLSWish.only(version)
        wish.name = "both.test"
        #expect(try !gateway.tls(wish).hasRSA)
        wish.signatures = "RSA-PSS+SHA256:RSA+SHA256"
        #expect(try gateway.tls(wish).hasRSA)
        wish.signatures = "ECDSA+SHA256"
        #expect(try !gateway.tls(wish).hasRSA)
        wish.name = "www.example.test"
        wish.signatures = "RSA-PSS+SHA256:RSA+SHA256"
        #expect(throws: SocketError.self, "no certificate that it could verify") { try gateway.tls(wish) }
    }

    @Test func `unknown names may be refused, with the alert that says so`() throws {
        let gateway = try GatewayProcess(
            tls: [try files.leaf("known", ["known.test", "*.known.test"])], before: origin,
            tls: "unknown_names: refuse")
        for version in [TLSWish.Version.tls12, .tls13] {
            var wish = TLSWish.only(version)
            for name in ["known.test", "a.known.test"] {
                wish.name = name
                #expect(try gateway.tls(wish).names.first == "known.test")
            }
            wish.name = nil
            #expect(try gateway.tls(wish).names.first == "known.test", "who names nobody is served")
            for name in ["other.test", "a.b.known.test", "nown.test", "xknown.test"] {
                wish.name = name
                #expect(try gateway.refusal(of: wish) == "tlsv1 unrecognized name", "\(name)")
            }
        }
        #expect(try gateway.handshakes("failed") == 8)
    }

    @Test func `a certificate that names a host twice brings its chain once`() throws {
        let files = try TLSFiles()
        try files.leaf("site", ["twice.test", "twice.test"])
        try files.write(try files.bytes("site.pem") + files.bytes("authority.pem"), "site.pem")
        let entry = files.entry("site")
        let gateway = try GatewayProcess(tls: [entry, entry], before: origin)
        for name in ["twice.test", "other.test"] {
            #expect(try gateway.tls(TLSWish(name)).chainLength == 2)
        }
    }

    @Test func `a client that verifies takes the certificate, its chain and the name`() throws {
        let gateway = try GatewayProcess(tls: [try files.leaf("site", ["localhost"])], before: origin)
        let result = try ChildProcess.run(
            "/usr/bin/curl",
            [
                "-sS", "--cacert", files.path("authority.pem"), "--resolve",
                "localhost:\(gateway.ports.gateway):127.0.0.1", "-o", "/dev/null", "-w",
                "%{http_code} %{http_version} %{ssl_verify_result}",
                "https://localhost:\(gateway.ports.gateway)/",
            ])
        #expect(result.output == "200 2 0", "\(result.errors)")
        let stranger = try TLSFiles()
        var wish = TLSWish()
        wish.authorities = stranger.path("authority.pem")
        #expect(throws: SocketError.tls("certificate verify failed")) { try gateway.tls(wish) }
        try gateway.waitUntilSaid("TLS handshake failed")
    }
}
