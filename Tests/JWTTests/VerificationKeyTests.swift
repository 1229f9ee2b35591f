import Bytes
import COpenSSL
import JWT
import TestIssuer
import Testing

/// Which keys are taken, and what for.
@Suite struct VerificationKeyTests {
    private static let rsa = IssuerKey.rsa()

    private func error(secret: [UInt8], _ algorithms: AlgorithmSet? = nil) -> KeyError? {
        do throws(KeyError) {
            _ = try VerificationKey(secret: secret, algorithms: algorithms)
            return nil
        } catch { return error }
    }

    private func error(pem: [UInt8], _ algorithms: AlgorithmSet? = nil) -> KeyError? {
        do throws(KeyError) {
            _ = try VerificationKey(pem: pem, algorithms: algorithms)
            return nil
        } catch { return error }
    }

    @Test func `a secret is for the hashes that are no longer than it`() throws {
        let algorithms = { (count: Int) in
            try VerificationKey(secret: [UInt8](repeating: 0xA5, count: count)).algorithms.members.map(
                \.rawValue)
        }
        #expect(try algorithms(32) == ["HS256"])
        #expect(try algorithms(47) == ["HS256"])
        #expect(try algorithms(48) == ["HS256", "HS384"])
        #expect(try algorithms(64) == ["HS256", "HS384", "HS512"])
        #expect(try algorithms(4096) == ["HS256", "HS384", "HS512"])
    }

    @Test(
        arguments: [
            (0, nil, 32, Algorithm.hs256), (31, nil, 32, .hs256), (31, AlgorithmSet(.hs256), 32, .hs256),
            (47, AlgorithmSet(.hs384), 48, .hs384), (63, AlgorithmSet(.hs512), 64, .hs512),
            (32, .hmac, 48, .hs384),
        ] as [(Int, AlgorithmSet?, Int, Algorithm)])
    func `a secret shorter than the hash is refused with the bytes that are wanted`(
        _ count: Int, _ asked: AlgorithmSet?, _ needed: Int, _ algorithm: Algorithm
    ) {
        let secret = [UInt8](repeating: 0xA5, count: count)
        let found = error(secret: secret, asked)
        #expect(found == .secretTooShort(bytes: count, needed: needed, algorithm))
        #expect(found?.description.contains("\(needed)") == true)
    }

    @Test func `a public key is refused as a secret in every form that it has`() {
        let der = Self.rsa.der
        let base64 = bytes(TokenText.lines(der))
        let forms: [[UInt8]] = [
            Self.rsa.pem, bytes("\n\n  ") + Self.rsa.pem, Array(Self.rsa.pem.dropLast(3)), der, base64,
            base64.filter { $0 != 0x0A }, bytes(Base64URL.encode(der)), bytes(Self.rsa.jwk()),
            bytes(#"{"keys":[\#(Self.rsa.jwk())]}"#),
            bytes("ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABgQC7 someone@example"),
            bytes("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIO3 someone@example"), IssuerKey.ec("P-256").der,
            IssuerKey.ed25519().pem, IssuerKey.ec("P-384").pem,
            bytes("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----"),
        ]
        for form in forms { #expect(error(secret: form) == .publicKeyAsSecret, "\(form.prefix(30))") }
    }

    @Test func `secrets that only look a little like keys are secrets`() {
        let texts = [
            "your-256-bit-secret-your-256-bit-secret",
            "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAu1SU1LfVLPHCozMxH2Mo4lgO",
            "{not json at all, but a long secret of 48 bytes}", String(repeating: "0", count: 64),
        ]
        for text in texts { #expect(error(secret: bytes(text)) == nil, "\(text)") }
    }

    @Test func `a secret is not for algorithms with a private key`() {
        let secret = IssuerSecret.standard.bytes
        #expect(
            error(secret: secret, [.init(.rs256)])
                == .algorithmsDoNotFit(asked: [.init(.rs256)], fitting: .hmac))
        #expect(error(secret: secret, .all) != nil)
    }

    @Test func `a public key is for the algorithms of its type and no other`() throws {
        let keys: [(IssuerKey, AlgorithmSet)] = [
            (Self.rsa, .rsa), (.ec("P-256"), [.init(.es256)]), (.ec("P-384"), [.init(.es384)]),
            (.ec("P-521"), [.init(.es512)]), (.ed25519(), [.init(.edDSA)]),
        ]
        for (signer, fitting) in keys {
            #expect(try VerificationKey(pem: signer.pem).algorithms == fitting)
            for algorithm in Algorithm.allCases {
                let asked = AlgorithmSet(algorithm)
                if fitting.holds(algorithm) {
                    #expect(try VerificationKey(pem: signer.pem, algorithms: asked).algorithms == asked)
                } else {
                    #expect(
                        error(pem: signer.pem, asked) == .algorithmsDoNotFit(asked: asked, fitting: fitting))
                }
            }
        }
    }

    @Test func `RSA for PSS only is for PSS only`() throws {
        let signer = IssuerKey.make("RSA-PSS") { EVP_PKEY_CTX_set_rsa_keygen_bits($0, 2048) }
        let key = try VerificationKey(pem: signer.pem)
        #expect(key.algorithms == .rsaPSS)
        #expect(verdict(signer.token("{}", .ps384), KeySet(keys: [key.copy()])) == nil)
    }

    @Test func `RSA keys are neither small nor huge`() throws {
        #expect(error(pem: IssuerKey.rsa(bits: 1024).pem) == .rsaTooSmall(bits: 1024))
        #expect(error(pem: IssuerKey.rsa(bits: 2040).pem) == .rsaTooSmall(bits: 2040))
        let huge = [UInt8](repeating: 0xFF, count: 1025)
        let jwk = #"{"kty":"RSA","e":"AQAB","n":"\#(Base64URL.encode(huge))"}"#
        #expect(throws: KeySetError.self) { try keySet(jwk) }
        #expect(KeyError.rsaTooLarge(bits: 8200).description.contains("8192"))
    }

    @Test func `keys that nothing here uses are refused`() {
        for signer in [
            IssuerKey.ec("secp256k1"), .ec("P-224"), .make("ED448") { _ in 1 }, .make("X25519") { _ in 1 },
        ] {
            guard case .unsupported = error(pem: signer.pem) else {
                Issue.record("\(String(describing: error(pem: signer.pem)))")
                continue
            }
        }
    }

    @Test func `texts that are no public key say what they are`() {
        let body = TokenText.lines(Self.rsa.der)
        let cases: [(String, KeyError)] = [
            ("", .noKey), ("hello", .noKey), ("-----BEGIN PUBLIC KEY-----\n", .noKey),
            ("-----BEGIN PRIVATE KEY-----\n\(body)-----END PRIVATE KEY-----\n", .privateKey),
            ("-----BEGIN RSA PRIVATE KEY-----\n\(body)-----END RSA PRIVATE KEY-----\n", .privateKey),
            ("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", .damaged(label: "public key")),
            (
                "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
                .damaged(label: "certificate")
            ),
            (String(decoding: Self.rsa.pem + Self.rsa.pem, as: UTF8.self), .severalKeys),
            (
                "-----BEGIN PUBLIC KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\n\(body)"
                    + "-----END PUBLIC KEY-----\n",
                .encryptedKey
            ),
        ]
        for (text, expected) in cases {
            let found = error(pem: bytes(text))
            #expect(found == expected, "\(text.prefix(40))")
            #expect(found.map { !$0.description.isEmpty } == true)
        }
    }

    @Test func `a certificate and a PKCS 1 key are read`() throws {
        let signer = Self.rsa
        let certificate = Self.certificate(signer)
        let lines = TokenText.lines(certificate)
        let pem = "-----BEGIN CERTIFICATE-----\n\(lines)-----END CERTIFICATE-----\n"
        for text in [pem, pem + pem, "subject=x\n" + pem] {
            let keys = KeySet(keys: [try VerificationKey(pem: bytes(text))])
            #expect(verdict(signer.token("{}", .rs256), keys) == nil)
        }
        // A SubjectPublicKeyInfo of RSA has 24 bytes before its RSAPublicKey, at this size.
        let pkcs1 = TokenText.lines(Array(signer.der.dropFirst(24)))
        let key = try VerificationKey(
            pem: bytes("-----BEGIN RSA PUBLIC KEY-----\n\(pkcs1)-----END RSA PUBLIC KEY-----\n"))
        #expect(verdict(signer.token("{}", .ps256), KeySet(keys: [key])) == nil)
    }

    private static func certificate(_ signer: IssuerKey) -> [UInt8] {
        let certificate = X509_new()
        defer { X509_free(certificate) }
        ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1)
        X509_gmtime_adj(X509_getm_notBefore(certificate), 0)
        X509_gmtime_adj(X509_getm_notAfter(certificate), 3600)
        X509_set_pubkey(certificate, signer.pointer)
        precondition(X509_sign(certificate, signer.pointer, EVP_sha256()) > 0)
        var start: UnsafeMutablePointer<UInt8>?
        let count = i2d_X509(certificate, &start)
        defer { floodgate_openssl_free(start) }
        return Array(UnsafeBufferPointer(start: start, count: Int(count)))
    }
}
