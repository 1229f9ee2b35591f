import COpenSSL
import Testing

@testable import Certificates

@Suite struct CertificateInspectionTests {
    private let authority: DevelopmentAuthority
    private let leaf: DevelopmentAuthority.Leaf

    init() throws {
        authority = try Sample.authority()
        leaf = try authority.leaf(
            names: try Sample.names("localhost"), now: Sample.now, serial: Sample.serial())
    }

    private func problems(
        _ certificates: Certificate..., key: KeyHandle? = nil, now: Int64 = Sample.now, warningDays: Int = 14
    ) -> [CertificateProblem] {
        CertificateInspection.problems(
            CertificateChain(certificates), key: key.map(PrivateKeyFile.init), now: now,
            warningDays: warningDays)
    }

    @Test func `a chain as it should be has no problem`() throws {
        let key = try PrivateKeyFile(pem: leaf.keyPEM)
        #expect(problems(leaf.certificate, key: key.handle).isEmpty)
        #expect(problems(leaf.certificate, authority.certificate, key: key.handle).isEmpty)
    }

    @Test func `time is held to the second`() {
        let certificate = leaf.certificate
        let start = certificate.notBefore
        let end = certificate.notAfter
        #expect(problems(certificate, now: start).isEmpty)
        #expect(problems(certificate, now: start - 1) == [.notYetValid(0, from: start)])
        #expect(problems(certificate, now: end) == [.expiresSoon(0, days: 0)])
        #expect(problems(certificate, now: end + 1) == [.expired(0, at: end)])
    }

    @Test func `the warning comes in time`() {
        let end = leaf.certificate.notAfter
        #expect(problems(leaf.certificate, now: end - 14 * Sample.day).isEmpty)
        #expect(problems(leaf.certificate, now: end - 14 * Sample.day + 1) == [.expiresSoon(0, days: 13)])
        #expect(
            problems(leaf.certificate, now: end - 29 * Sample.day, warningDays: 30)
                == [.expiresSoon(0, days: 29)])
        #expect(problems(leaf.certificate, now: end, warningDays: 0).isEmpty)
    }

    @Test func `an intermediate's time counts too`() {
        let end = authority.certificate.notAfter
        let both = problems(leaf.certificate, authority.certificate, now: end + 1)
        #expect(both == [.expired(0, at: leaf.certificate.notAfter), .expired(1, at: end)])
    }

    @Test func `a key of another certificate is an error`() throws {
        #expect(problems(leaf.certificate, key: try .makeP256()) == [.keyMismatch])
        let swapped = problems(authority.certificate, leaf.certificate, key: authority.key.handle)
        #expect(swapped == [.outOfOrder(1)])
    }

    @Test func `a chain out of order, or with a stranger in it, is an error`() throws {
        // The same name with another key: only the signature tells them apart.
        let stranger = try Sample.authority()
        #expect(problems(leaf.certificate, stranger.certificate) == [.outOfOrder(1)])
        #expect(problems(leaf.certificate, leaf.certificate) == [.outOfOrder(1)])
        #expect(
            problems(leaf.certificate, stranger.certificate, authority.certificate)
                == [.outOfOrder(1), .outOfOrder(2)])
    }

    @Test func `a certificate that may not sign is no issuer`() throws {
        let key = try KeyHandle.makeP256()
        let server = try Sample.certificate(
            "server", key: key, extensions: [.notAuthority, .maySign, .names(try Sample.names("server"))])
        let signed = try Sample.certificate(
            key: try .makeP256(), issuer: CertificateDraft.Issuer(certificate: server.handle, key: key),
            extensions: [.notAuthority, .names(try Sample.names("localhost"))])
        #expect(problems(signed, server) == [.outOfOrder(1)])
    }

    @Test func `an RSA key below 2048 bits is an error`() throws {
        let names = try Sample.names("localhost")
        let weak = try Sample.certificate(key: Sample.rsaKey(bits: 1024), extensions: [.names(names)])
        #expect(problems(weak) == [.weakKey(0, bits: 1024)])
        let sound = try Sample.certificate(key: Sample.rsaKey(bits: 2048), extensions: [.names(names)])
        #expect(problems(sound).isEmpty)
    }

    @Test func `a signature that can be forged is an error, but not a root's of itself`() throws {
        let signer = authority.key.handle
        let sha1 = try Sample.signedAgain(leaf.certificate, with: signer, EVP_sha1())
        #expect(problems(sha1) == [.weakSignature(0, digest: "SHA-1")])
        let key = Sample.rsaKey(bits: 2048)
        let own = try Sample.certificate(
            key: key, extensions: [.names(try Sample.names("localhost"))])
        let md5 = try Sample.signedAgain(own, with: key, EVP_md5())
        #expect(problems(md5) == [.weakSignature(0, digest: "MD5")])
        let root = try Sample.signedAgain(authority.certificate, with: signer, EVP_sha1())
        #expect(problems(leaf.certificate, root).isEmpty)
    }

    @Test func `a leaf without a name is worth a warning`() throws {
        let nameless = try Sample.certificate(key: try .makeP256())
        #expect(problems(nameless) == [.noNames])
        #expect(nameless.commonName == "localhost")
        #expect(!nameless.covers("localhost"))
        #expect(problems(authority.certificate).isEmpty)
    }

    @Test(arguments: [
        (CertificateProblem.keyMismatch, "error", "does not belong"),
        (.outOfOrder(1), "error", "certificate 2 did not issue certificate 1"),
        (.notYetValid(0, from: Sample.now), "error", "not valid before 2026-03-01 12:00:00 UTC"),
        (.expired(2, at: Sample.now), "error", "certificate 3 of the chain expired on 2026-03-01"),
        (.expiresSoon(0, days: 1), "warning", "the certificate expires in 1 day"),
        (.expiresSoon(0, days: 0), "warning", "within a day"),
        (.weakKey(0, bits: 1024), "error", "1024 bits, 2048"),
        (.weakSignature(1, digest: "SHA-1"), "error", "signed with SHA-1"),
        (.noNames, "warning", "browsers"),
    ])
    func `a problem says what it is and how bad`(problem: CertificateProblem, severity: String, words: String)
    {
        #expect(problem.severity.rawValue == severity)
        #expect(problem.description.contains(words), "\(problem)")
    }
}
