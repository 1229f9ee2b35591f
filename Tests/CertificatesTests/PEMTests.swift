import Testing

@testable import Certificates

/// Files that are not what they should be, and the words for it.
@Suite struct PEMTests {
    private let certificate: String
    private let key: KeyHandle
    private let keyText: String

    init() throws {
        key = try .makeP256()
        certificate = try Sample.certificate(key: key).pem
        keyText = try key.pem()
    }

    private func chainError(_ text: String) -> CertificateError? {
        failure { () throws(CertificateError) in try CertificateChain(pem: text) }
    }

    private func keyError(_ text: String) -> CertificateError? {
        failure { () throws(CertificateError) in try PrivateKeyFile(pem: text) }
    }

    @Test func `explanations before and between blocks are passed over`() throws {
        let before = "\u{FEFF}Certificate:\n  Data: x\n"
        let text = before + certificate + "\n\n issuer: y\r\n" + certificate + " \n\r\n"
        #expect(try CertificateChain(pem: text).certificates.count == 2)
    }

    @Test func `lines may end as on any system, be indented, and be of any width`() throws {
        let body = certificate.split(separator: "\n")[1...].dropLast().joined()
        let windows = certificate.replacing("\n", with: "\r\n")
        let indented = certificate.split(separator: "\n").map { "    " + $0 }.joined(separator: "\n")
        let wide = "-----BEGIN CERTIFICATE-----\n\(body)\n-----END CERTIFICATE-----"
        for text in [windows, indented, wide] {
            #expect(try CertificateChain(pem: text).leaf.pem == certificate)
        }
    }

    @Test func `a file without PEM says so`() {
        for text in ["", "\n\n", "hello", "----BEGIN CERTIFICATE----"] {
            #expect(chainError(text) == .noPEM)
            #expect(keyError(text) == .noPEM)
        }
        let binary: [UInt8] = [0x30, 0x82, 0x01, 0x0A, 0x0A]
        #expect(failure { () throws(CertificateError) in try CertificateChain(pem: binary) } == .binary)
    }

    @Test func `text behind the last block is an error with its line`() {
        let lines = certificate.count { $0 == "\n" }
        #expect(chainError(certificate + "\nMIIB\nxx") == .textBehind(line: lines + 2))
        #expect(keyError(keyText + "oops") == .textBehind(line: keyText.count { $0 == "\n" } + 1))
    }

    @Test func `a block that was cut is an error with the line where it begins`() {
        let cut = certificate.split(separator: "\n").dropLast(2).joined(separator: "\n")
        #expect(chainError(cut) == .unfinished(label: "CERTIFICATE", line: 1))
        #expect(chainError("x\n" + cut + "\n" + certificate) == .unfinished(label: "CERTIFICATE", line: 2))
        let crossed = certificate.replacing("END CERTIFICATE", with: "END PRIVATE KEY")
        #expect(chainError(crossed) == .unfinished(label: "CERTIFICATE", line: 1))
        let headless = certificate.split(separator: "\n").dropFirst().joined(separator: "\n")
        let line = headless.split(separator: "\n").count
        #expect(chainError(headless) == .endWithoutBegin(label: "CERTIFICATE", line: line))
    }

    @Test func `what is no base64 is told from what is no certificate`() {
        func block(_ body: String) -> String {
            "-----BEGIN CERTIFICATE-----\n\(body)\n-----END CERTIFICATE-----\n"
        }
        #expect(chainError(block("AAAA\n%%%%")) == .notBase64(label: "CERTIFICATE", line: 3))
        for body in ["AAA", "A===", "AA=A", "=AAA", "AAAA=AAA", "===="] {
            #expect(chainError(block(body)) == .notBase64(label: "CERTIFICATE", line: 1), "\(body)")
        }
        for body in ["", "AAAA", "MIIB"] {
            #expect(chainError(block(body)) == .unreadable(label: "CERTIFICATE", line: 1), "\(body)")
        }
    }

    @Test func `bytes behind the certificate or key inside of its block are damage`() throws {
        let der = try CertificateChain(pem: certificate).leaf.handle.der
        let longer = PEMBlock.text(label: "CERTIFICATE", bytes: der + [0])
        #expect(chainError(longer) == .unreadable(label: "CERTIFICATE", line: 1))
        let keyBytes = try PEMBlock.read(Array(keyText.utf8))[0].bytes
        let longerKey = PEMBlock.text(label: "PRIVATE KEY", bytes: keyBytes + [0])
        #expect(keyError(longerKey) == .unreadable(label: "PRIVATE KEY", line: 1))
    }

    @Test func `no prefix of a file passes for the file, and none is a trap`() {
        let file = Array((certificate + certificate).utf8)
        let boundary = certificate.utf8.count
        for length in 0..<file.count where length != boundary && length != boundary - 1 {
            let isWhole = length == file.count - 1
            let chain = try? CertificateChain(pem: Array(file[..<length]))
            #expect((chain?.certificates.count == 2) == isWhole, "\(length)")
        }
    }

    @Test func `a damaged byte of the DER is read as another certificate or refused`() throws {
        let der = try CertificateChain(pem: certificate).leaf.handle.der
        for index in der.indices {
            for bit in [UInt8(0x01), 0x80] {
                var damaged = der
                damaged[index] ^= bit
                guard let handle = CertificateHandle(der: damaged) else { continue }
                #expect(Certificate(handle).fingerprint != CertificateHandle(der: der)?.fingerprint)
            }
        }
    }

    @Test func `a key among certificates is refused with its line`() {
        let line = certificate.count { $0 == "\n" } + 1
        #expect(chainError(keyText) == .keyInsteadOfCertificate(line: 1))
        #expect(chainError(certificate + keyText) == .keyInsteadOfCertificate(line: line))
    }

    @Test func `other blocks are named, and a label is shown escaped`() {
        func block(_ label: String) -> String { PEMBlock.text(label: label, bytes: [1]) }
        #expect(
            chainError(block("CERTIFICATE REQUEST")) == .unexpected(label: "CERTIFICATE REQUEST", line: 1))
        #expect(keyError(block("PUBLIC KEY")) == .unexpected(label: "PUBLIC KEY", line: 1))
        #expect(chainError(block("X\u{1B}[2J")) == .unexpected(label: #"X\1B[2J"#, line: 1))
        #expect(chainError(block("EC PARAMETERS")) == .noCertificate)
        #expect(keyError(block("EC PARAMETERS")) == .noKey)
    }

    @Test func `keys are read in every form that tools write`() throws {
        let edwards = Sample.ed25519Key()
        let rsa = Sample.rsaKey(bits: 2048)
        #expect(try PrivateKeyFile(pem: keyText).algorithm == .ecdsa(bits: 256))
        #expect(try PrivateKeyFile(pem: Sample.traditionalPEM(key)).algorithm == .ecdsa(bits: 256))
        #expect(try PrivateKeyFile(pem: rsa.pem()).algorithm == .rsa(bits: 2048))
        #expect(try PrivateKeyFile(pem: Sample.traditionalPEM(rsa)).algorithm == .rsa(bits: 2048))
        #expect(try PrivateKeyFile(pem: edwards.pem()).algorithm == .ed25519)
        let parameters = PEMBlock.text(label: "EC PARAMETERS", bytes: [6, 0])
        #expect(
            try PrivateKeyFile(pem: parameters + Sample.traditionalPEM(key)).algorithm == .ecdsa(bits: 256))
        #expect(try PrivateKeyFile(pem: certificate + keyText).algorithm == .ecdsa(bits: 256))
    }

    @Test func `an encrypted key says that it needs a passphrase`() throws {
        #expect(keyError(try Sample.encryptedPEM(key)) == .encryptedKey(line: 1))
        #expect(keyError(Sample.traditionalPEM(key, encrypted: true)) == .encryptedKey(line: 1))
        #expect(CertificateError.encryptedKey(line: 1).description.contains("passphrase"))
    }

    @Test func `a certificate where a key is expected, and a second key, are refused`() {
        #expect(keyError("x\n" + certificate) == .certificateInsteadOfKey(line: 2))
        #expect(keyError(keyText + keyText) == .secondKey(line: keyText.count { $0 == "\n" } + 1))
    }

    @Test func `a key matches the chain whose leaf holds its public half`() throws {
        let chain = try CertificateChain(pem: certificate)
        #expect(try PrivateKeyFile(pem: keyText).matches(chain))
        #expect(!PrivateKeyFile(try .makeP256()).matches(chain))
        #expect(!PrivateKeyFile(Sample.ed25519Key()).matches(chain))
    }

    @Test func `base64 of every length comes back`() {
        for length in 0..<50 {
            let bytes = (0..<length).map { UInt8(truncatingIfNeeded: $0 * 89 + 200) }
            #expect(Base64.decoded(Array(Base64.encoded(bytes).utf8)) == bytes)
        }
        #expect(Base64.encoded(Array("foobar".utf8)) == "Zm9vYmFy")
        #expect(Base64.encoded(Array("fooba".utf8)) == "Zm9vYmE=")
    }
}
