import Addressing
import COpenSSL
import Testing

@testable import Certificates

@Suite struct CertificateChainTests {
    private let authority: DevelopmentAuthority
    private let leaf: DevelopmentAuthority.Leaf

    init() throws {
        authority = try Sample.authority()
        leaf = try authority.leaf(
            names: try Sample.names("Example.test", "*.example.test", "192.0.2.1", "::1"), now: Sample.now,
            serial: Sample.serial(0x2A))
    }

    @Test func `the leaf's fields are read`() throws {
        let chain = try CertificateChain(pem: leaf.certificatePEM)
        let read = chain.leaf
        #expect(chain.certificates.count == 1)
        #expect(chain.intermediates.isEmpty)
        #expect(read.subject == "CN=example.test")
        #expect(read.commonName == "example.test")
        #expect(read.issuer == "CN=Floodgate development authority")
        #expect(
            read.names == [
                .dns("example.test"), .dns("*.example.test"), .address(IPAddress("192.0.2.1")!),
                .address(IPAddress("::1")!),
            ])
        #expect(read.notBefore == Sample.now - 300)
        #expect(read.notAfter == Sample.now + 90 * Sample.day)
        #expect(read.key == .ecdsa(bits: 256))
        #expect(read.signature == SignatureAlgorithm(name: "ecdsa-with-SHA256", weakDigest: nil))
        #expect(read.serial == "51" + String(repeating: "11", count: 14) + "2A")
        #expect(!read.isSelfSigned)
        #expect(!read.isAuthority)
    }

    @Test func `intermediates follow in the file's order`() throws {
        let chain = try CertificateChain(pem: leaf.certificatePEM + authority.certificatePEM)
        #expect(chain.certificates.map(\.isAuthority) == [false, true])
        #expect(chain.certificates.map(\.isSelfSigned) == [false, true])
        #expect(chain.certificates[1].issued(chain.leaf))
        #expect(!chain.leaf.issued(chain.certificates[1]))
        #expect(chain.intermediates.map(\.fingerprint) == [authority.certificate.fingerprint])
    }

    @Test func `the fingerprint is that of the bytes on the wire`() throws {
        let body = leaf.certificatePEM.split(separator: "\n")[1...].dropLast().joined()
        let der = try #require(Base64.decoded(Array(body.utf8)))
        var digest = [UInt8](repeating: 0, count: 32)
        SHA256(der, der.count, &digest)
        #expect(leaf.certificate.fingerprint == digest)
        #expect(leaf.certificate.fingerprintText.count == 32 * 3 - 1)
        #expect(leaf.certificate.fingerprintText.hasPrefix(Hexadecimal.text([digest[0]]) + ":"))
    }

    @Test func `RSA and Ed25519 keys are told apart`() throws {
        let rsa = try Sample.certificate(key: Sample.rsaKey(bits: 1024))
        #expect(rsa.key == .rsa(bits: 1024))
        #expect(rsa.signature.name == "sha256WithRSAEncryption")
        #expect(rsa.isSelfSigned)
        let edwards = try Sample.certificate(key: Sample.ed25519Key())
        #expect(edwards.key == .ed25519)
        #expect(edwards.signature.name == "ED25519")
    }

    @Test func `what no terminal should see is escaped`() throws {
        let certificate = try Sample.certificate("a\u{1B}[2Jb\u{E4}\\", key: .makeP256())
        #expect(certificate.subject == #"CN=a\1B[2Jb\C3\A4\\"#)
        #expect(certificate.commonName == #"a\1B[2Jb\C3\A4\5C"#)
        let read = try CertificateChain(pem: certificate.pem)
        #expect(read.leaf.subject == certificate.subject)
    }

    @Test func `a certificate that never ends is read`() throws {
        // 9999-12-31 23:59:59 UTC: no end that anybody means (RFC 5280 §4.1.2.5).
        let end: Int64 = 253_402_300_799
        let certificate = try Sample.certificate(key: .makeP256(), from: 0, to: end)
        #expect(certificate.notBefore == 0)
        #expect(certificate.notAfter == end)
        #expect(UTCText.text(end) == "9999-12-31 23:59:59 UTC")
        #expect(UTCText.text(Sample.now) == "2026-03-01 12:00:00 UTC")
    }

    @Test func `whole days to the end are counted, and below zero behind it`() throws {
        let certificate = leaf.certificate
        let end = certificate.notAfter
        #expect(certificate.daysLeft(now: Sample.now) == 90)
        #expect(certificate.daysLeft(now: end - Sample.day) == 1)
        #expect(certificate.daysLeft(now: end - Sample.day + 1) == 0)
        #expect(certificate.daysLeft(now: end) == 0)
        #expect(certificate.daysLeft(now: end + 1) == -1)
        #expect(certificate.daysLeft(now: end + Sample.day + 1) == -2)
    }

    @Test(arguments: [
        ("example.test", true), ("EXAMPLE.test.", true), ("www.example.test", true),
        ("a.b.example.test", false), (".example.test", false), ("test", false), ("", false),
        ("192.0.2.1", true), ("192.0.2.2", false), ("::1", true), ("0:0:0:0:0:0:0:1", true),
    ])
    func `a name is covered as clients see it`(host: String, isCovered: Bool) {
        #expect(leaf.certificate.covers(host) == isCovered)
    }

    @Test(arguments: [
        "", "*", "*.", "a..b", "-a", "a-", "under_score", "a b", "a,DNS:b", "a\nb", "b\u{FC}cher", "1.2.3",
        "1.2.3.256", "[::1]", "*.*.a", "a.*.b", String(repeating: "a", count: 64),
        String(repeating: "a.", count: 127) + "a",
    ])
    func `a name that no certificate can be made for is refused`(text: String) {
        #expect(throws: AuthorityError.self) { try AlternativeName(wanted: text) }
    }
}
