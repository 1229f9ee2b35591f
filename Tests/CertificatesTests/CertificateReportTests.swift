import Testing

@testable import Certificates

@Suite struct CertificateReportTests {
    private let authority: DevelopmentAuthority
    private let leaf: DevelopmentAuthority.Leaf

    init() throws {
        authority = try Sample.authority()
        leaf = try authority.leaf(
            names: try Sample.names("localhost", "::1"), now: Sample.now, serial: Sample.serial())
    }

    private func lines(_ certificates: Certificate..., now: Int64 = Sample.now) -> [String] {
        CertificateReport.text(CertificateChain(certificates), now: now)
            .split(separator: "\n").map(String.init)
    }

    @Test func `every certificate is described in its order`() {
        let lines = lines(leaf.certificate, authority.certificate)
        #expect(
            lines.prefix(6) == [
                "1. CN=localhost",
                "   names        localhost, ::1",
                "   valid        2026-03-01 11:55:00 UTC to 2026-05-30 12:00:00 UTC, 90 days left",
                "   key          ECDSA, 256 bits",
                "   kind         leaf",
                "   issuer       CN=Floodgate development authority",
            ])
        #expect(lines.contains("2. CN=Floodgate development authority"))
        #expect(lines.contains("   kind         authority, self-signed"))
        #expect(lines.contains("   SHA-256      " + leaf.certificate.fingerprintText))
        #expect(lines.count == 18)
    }

    @Test func `problems stand at the end`() {
        #expect(lines(leaf.certificate, leaf.certificate).last?.hasPrefix("error: certificate 2 did") == true)
        let late = lines(leaf.certificate, now: leaf.certificate.notAfter - 5)
        #expect(late.last == "warning: the certificate expires within a day")
        #expect(late[2].hasSuffix("less than a day left"))
        let over = lines(leaf.certificate, now: leaf.certificate.notAfter + 3 * Sample.day)
        #expect(over[2].hasSuffix("expired 3 days ago"), "\(over[2])")
        #expect(over.last?.hasPrefix("error: the certificate expired on 2026-05-30") == true)
    }
}
