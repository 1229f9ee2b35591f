import COpenSSL
import Testing

@testable import Certificates

@Suite struct DevelopmentAuthorityTests {
    private let authority: DevelopmentAuthority

    init() throws { authority = try Sample.authority() }

    private func hasExtension(_ certificate: Certificate, _ identifier: Int32, critical: Bool) -> Bool {
        let place = X509_get_ext_by_NID(certificate.handle.pointer, identifier, -1)
        guard place >= 0, let found = X509_get_ext(certificate.handle.pointer, place) else { return false }
        return (X509_EXTENSION_get_critical(found) == 1) == critical
    }

    private func standing(certificate: String?, key: String?, now: Int64 = Sample.now) throws
        -> DevelopmentAuthority.Standing
    {
        try DevelopmentAuthority.standing(
            certificate: certificate.map { Array($0.utf8) }, key: key.map { Array($0.utf8) }, now: now)
    }

    private func error(certificate: String?, key: String?) -> AuthorityError? {
        do { _ = try standing(certificate: certificate, key: key) } catch { return error as? AuthorityError }
        return nil
    }

    @Test func `the authority may sign certificates, and nothing below it may`() {
        let certificate = authority.certificate
        #expect(certificate.isAuthority)
        #expect(certificate.isSelfSigned)
        #expect(certificate.key == .ecdsa(bits: 256))
        #expect(certificate.notAfter == Sample.now + 365 * Sample.day)
        #expect(hasExtension(certificate, NID_basic_constraints, critical: true))
        #expect(hasExtension(certificate, NID_key_usage, critical: true))
        #expect(hasExtension(certificate, NID_subject_key_identifier, critical: false))
        let usage = X509_get_key_usage(certificate.handle.pointer)
        #expect(usage == UInt32(KU_KEY_CERT_SIGN | KU_CRL_SIGN))
        #expect(X509_get_pathlen(certificate.handle.pointer) == 0)
    }

    @Test(arguments: [
        (DevelopmentAuthority.Use.server, UInt32(XKU_SSL_SERVER)),
        (.serverAndClient, UInt32(XKU_SSL_SERVER | XKU_SSL_CLIENT)),
    ])
    func `the leaf is for what was asked and for nothing else`(use: DevelopmentAuthority.Use, usage: UInt32)
        throws
    {
        let leaf = try authority.leaf(
            names: try Sample.names("localhost", "::1"), use: use, now: Sample.now, serial: Sample.serial())
        let certificate = leaf.certificate
        #expect(X509_get_extended_key_usage(certificate.handle.pointer) == usage)
        #expect(X509_get_key_usage(certificate.handle.pointer) == UInt32(KU_DIGITAL_SIGNATURE))
        #expect(hasExtension(certificate, NID_basic_constraints, critical: true))
        #expect(hasExtension(certificate, NID_authority_key_identifier, critical: false))
        #expect(!certificate.isAuthority)
        #expect(certificate.notAfter == Sample.now + 90 * Sample.day)
        #expect(try PrivateKeyFile(pem: leaf.keyPEM).matches(CertificateChain(pem: leaf.certificatePEM)))
        #expect(authority.certificate.issued(certificate))
    }

    @Test func `OpenSSL itself takes the leaf for its names and no other`() throws {
        let leaf = try authority.leaf(
            names: try Sample.names("localhost", "*.example.test", "127.0.0.1"), now: Sample.now,
            serial: Sample.serial())
        func result(_ host: String, now: Int64 = Sample.now) -> Int32 {
            let store = X509_STORE_new()
            let context = X509_STORE_CTX_new()
            defer {
                X509_STORE_CTX_free(context)
                X509_STORE_free(store)
            }
            X509_STORE_add_cert(store, authority.certificate.handle.pointer)
            X509_STORE_CTX_init(context, store, leaf.certificate.handle.pointer, nil)
            let parameters = X509_STORE_CTX_get0_param(context)
            X509_VERIFY_PARAM_set_time(parameters, Int(now))
            X509_VERIFY_PARAM_set_purpose(parameters, X509_PURPOSE_SSL_SERVER)
            if X509_VERIFY_PARAM_set1_ip_asc(parameters, host) != 1 {
                X509_VERIFY_PARAM_set1_host(parameters, host, host.utf8.count)
            }
            X509_verify_cert(context)
            ERR_clear_error()
            return X509_STORE_CTX_get_error(context)
        }
        for host in ["localhost", "a.example.test", "127.0.0.1"] { #expect(result(host) == X509_V_OK) }
        #expect(result("example.test") == X509_V_ERR_HOSTNAME_MISMATCH)
        #expect(result("127.0.0.2") == X509_V_ERR_IP_ADDRESS_MISMATCH)
        #expect(
            result("localhost", now: Sample.now + 91 * Sample.day) == X509_V_ERR_CERT_HAS_EXPIRED)
    }

    @Test func `the leaf does not outlive its authority`() throws {
        let late = Sample.now + 300 * Sample.day
        let leaf = try authority.leaf(
            names: try Sample.names("localhost"), now: late, serial: Sample.serial())
        #expect(leaf.certificate.notAfter == authority.certificate.notAfter)
        let early = try authority.leaf(
            names: try Sample.names("localhost"), now: Sample.now, serial: Sample.serial())
        #expect(early.certificate.notBefore == authority.certificate.notBefore)
    }

    @Test func `every leaf has a key of its own`() throws {
        let names = try Sample.names("localhost")
        let first = try authority.leaf(names: names, now: Sample.now, serial: Sample.serial(1))
        let second = try authority.leaf(names: names, now: Sample.now, serial: Sample.serial(2))
        #expect(first.keyPEM != second.keyPEM)
        #expect(first.certificate.serial != second.certificate.serial)
    }

    @Test func `a name too long for the common name is an alternative name all the same`() throws {
        let name = String(repeating: "a", count: 40) + "." + String(repeating: "b", count: 40)
        let leaf = try authority.leaf(names: try Sample.names(name), now: Sample.now, serial: Sample.serial())
        #expect(leaf.certificate.commonName == "Floodgate development")
        #expect(leaf.certificate.names == [.dns(name)])
    }

    @Test func `a leaf without a name is refused`() {
        #expect(throws: AuthorityError.noNames) {
            try authority.leaf(names: [], now: Sample.now, serial: Sample.serial())
        }
    }

    @Test func `serial numbers are positive whatever the random bytes are`() throws {
        for byte in [UInt8(0), 0x7F, 0x80, 0xFF] {
            let serial = [UInt8](repeating: byte, count: 16)
            let made = try DevelopmentAuthority.make(now: Sample.now, serial: serial)
            #expect(made.certificate.serial.count == 32)
            #expect(!made.certificate.serial.hasPrefix("-"))
        }
    }

    @Test func `an authority that is there is used again`() throws {
        let pem = authority.certificatePEM
        let key = try authority.keyPEM()
        guard case .valid(let read) = try standing(certificate: pem, key: key) else {
            Issue.record("not valid")
            return
        }
        #expect(read.certificate.fingerprint == authority.certificate.fingerprint)
        let leaf = try read.leaf(
            names: try Sample.names("localhost"), now: Sample.now, serial: Sample.serial())
        #expect(authority.certificate.issued(leaf.certificate))
        guard case .absent = try standing(certificate: nil, key: nil) else {
            Issue.record("not absent")
            return
        }
        let end = authority.certificate.notAfter
        guard case .expired(let when) = try standing(certificate: pem, key: key, now: end + 1) else {
            Issue.record("not expired")
            return
        }
        #expect(when == end)
    }

    @Test func `an authority with an Ed25519 or RSA key signs too`() throws {
        for key in [Sample.ed25519Key(), Sample.rsaKey(bits: 2048)] {
            let own = try Sample.certificate(
                "authority", key: key, extensions: [.authority, .mayCertify, .subjectKey])
            guard case .valid(let read) = try standing(certificate: own.pem, key: try key.pem()) else {
                Issue.record("not valid")
                continue
            }
            let leaf = try read.leaf(
                names: try Sample.names("localhost"), now: Sample.now, serial: Sample.serial())
            #expect(own.issued(leaf.certificate))
        }
    }

    @Test func `a damaged authority is left to its owner`() throws {
        let pem = authority.certificatePEM
        let key = try authority.keyPEM()
        #expect(error(certificate: pem, key: nil) == .missing(.key))
        #expect(error(certificate: nil, key: key) == .missing(.certificate))
        #expect(error(certificate: pem, key: try KeyHandle.makeP256().pem()) == .keyMismatch)
        #expect(error(certificate: "", key: key) == .unreadable(.certificate, .noPEM))
        #expect(error(certificate: pem, key: pem) == .unreadable(.key, .certificateInsteadOfKey(line: 1)))
        let leaf = try authority.leaf(
            names: try Sample.names("localhost"), now: Sample.now, serial: Sample.serial())
        #expect(error(certificate: leaf.certificatePEM, key: leaf.keyPEM) == .notAnAuthority)
    }
}
