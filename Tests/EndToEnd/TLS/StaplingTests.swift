import Foundation
import Testing

/// The authority's word on a certificate, stapled to handshakes (RFC 6066 §8).
@Suite struct StaplingTests {
    private let files: TLSFiles
    private let origin: ScriptedOrigin

    init() throws {
        files = try TLSFiles()
        origin = try .answering()
    }

    @Test(arguments: [TLSWish.Version.tls12, .tls13])
    func `who asks for the status gets that of the certificate that is shown`(version: TLSWish.Version) throws
    {
        try files.leaf("one", ["one.test"])
        try files.leaf("two", ["two.test"])
        let (one, two) = (try files.status(of: "one"), try files.status(of: "two"))
        let gateway = try GatewayProcess(
            tls: [
                files.entry("one", more: ", ocsp: \(files.path("one.ocsp"))"),
                files.entry("two", more: ", ocsp: \(files.path("two.ocsp"))"),
                try files.leaf("bare", ["bare.test"]),
            ], before: origin)
        var wish = TLSWish.only(version)
        for (name, status) in [("one.test", one), ("two.test", two), ("bare.test", [])] {
            wish.name = name
            wish.asksForStatus = true
            #expect(try gateway.tls(wish).status == status, "\(name)")
            wish.asksForStatus = false
            #expect(try gateway.tls(wish).status.isEmpty)
        }
    }

    @Test func `openssl finds the status good`() throws {
        try files.leaf("site")
        _ = try files.status(of: "site")
        let gateway = try GatewayProcess(
            tls: [files.entry("site", more: ", ocsp: \(files.path("site.ocsp"))")], before: origin)
        let result = try ChildProcess.run(
            "/usr/bin/openssl",
            [
                "s_client", "-connect", "127.0.0.1:\(gateway.ports.gateway)", "-servername", "localhost",
                "-status", "-CAfile", files.path("authority.pem"),
            ])
        #expect(result.output.contains("OCSP Response Status: successful (0x0)"), "\(result.errors)")
        #expect(result.output.contains("Cert Status: good"))
        #expect(result.output.contains("Verify return code: 0 (ok)"))
    }

    @Test func `a status of another certificate is not stapled, and what is none is refused`() throws {
        try files.leaf("site")
        try files.leaf("other", ["other.test"])
        _ = try files.status(of: "other")
        let gateway = try GatewayProcess(
            tls: [files.entry("site", more: ", ocsp: \(files.path("other.ocsp"))")], before: origin)
        var wish = TLSWish()
        wish.asksForStatus = true
        #expect(try gateway.tls(wish).status.isEmpty)
    }
}
