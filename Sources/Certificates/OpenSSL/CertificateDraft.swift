import COpenSSL

/// A certificate before it is signed.
// SAFETY: the certificate that is being made belongs to a `CertificateHandle` of this frame; strings and
// bytes that are passed live through each call, and OpenSSL copies them.
struct CertificateDraft {
    /// The only part of the subject; up to 64 bytes (RFC 5280, ub-common-name).
    var commonName: String
    /// Most significant byte first. At most 20 bytes, positive (RFC 5280 §4.1.2.2).
    var serial: [UInt8]
    /// Seconds since 1970.
    var notBefore: Int64
    var notAfter: Int64
    /// In this order.
    var extensions: [Extension]

    /// An extension in the words of OpenSSL's configuration files.
    struct Extension {
        let identifier: Int32
        let value: String

        static let authority = Extension(
            identifier: NID_basic_constraints, value: "critical,CA:TRUE,pathlen:0")
        static let notAuthority = Extension(identifier: NID_basic_constraints, value: "critical,CA:FALSE")
        static let mayCertify = Extension(identifier: NID_key_usage, value: "critical,keyCertSign,cRLSign")
        static let maySign = Extension(identifier: NID_key_usage, value: "critical,digitalSignature")
        static let server = Extension(identifier: NID_ext_key_usage, value: "serverAuth")
        static let serverAndClient = Extension(identifier: NID_ext_key_usage, value: "serverAuth,clientAuth")
        static let subjectKey = Extension(identifier: NID_subject_key_identifier, value: "hash")
        static let authorityKey = Extension(identifier: NID_authority_key_identifier, value: "keyid")

        /// Names have been checked: none holds a comma or a line's end, which would begin another value.
        static func names(_ names: [AlternativeName]) -> Extension {
            let values = names.map { name in
                switch name {
                case .dns(let text): "DNS:\(text)"
                case .address(let address): "IP:\(address)"
                }
            }
            return Extension(identifier: NID_subject_alt_name, value: values.joined(separator: ","))
        }
    }

    /// Whoever signs.
    struct Issuer {
        let certificate: CertificateHandle
        let key: KeyHandle
    }

    /// The certificate for `key`, signed by `issuer`, or with its own key where there is none.
    func signed(key: KeyHandle, issuer: Issuer?) throws(AuthorityError) -> CertificateHandle {
        guard let new = unsafe X509_new() else { throw .openSSL("preparing a certificate") }
        let certificate = unsafe CertificateHandle(owning: new)
        // Version 3 is written as 2 (RFC 5280 §4.1.2.1).
        guard unsafe X509_set_version(new, 2) == 1, unsafe X509_set_pubkey(new, key.pointer) == 1 else {
            throw .openSSL("preparing a certificate")
        }
        try unsafe setSerial(new)
        try unsafe setTimes(new)
        try unsafe setNames(new, issuer: issuer)
        for wanted in extensions { try unsafe add(wanted, to: new, issuer: issuer) }
        let signingKey = issuer?.key ?? key
        // Ed25519 signs the certificate itself: no digest comes before it (RFC 8410 §3).
        let digest = signingKey.algorithm == .ed25519 ? nil : unsafe EVP_sha256()
        guard unsafe X509_sign(new, signingKey.pointer, digest) > 0 else {
            throw .openSSL("signing a certificate")
        }
        return certificate
    }

    private func setSerial(_ certificate: OpaquePointer) throws(AuthorityError) {
        precondition((1...20).contains(serial.count), "a serial number of \(serial.count) bytes")
        guard let number = unsafe BN_bin2bn(serial, Int32(serial.count), nil) else {
            throw .openSSL("writing a serial number")
        }
        defer { unsafe BN_free(number) }
        guard let field = unsafe X509_get_serialNumber(certificate),
            unsafe BN_to_ASN1_INTEGER(number, field) != nil
        else { throw .openSSL("writing a serial number") }
    }

    private func setTimes(_ certificate: OpaquePointer) throws(AuthorityError) {
        guard unsafe ASN1_TIME_set(X509_getm_notBefore(certificate), Int(notBefore)) != nil,
            unsafe ASN1_TIME_set(X509_getm_notAfter(certificate), Int(notAfter)) != nil
        else { throw .openSSL("writing the time that a certificate is good for") }
    }

    private func setNames(_ certificate: OpaquePointer, issuer: Issuer?) throws(AuthorityError) {
        let text = Array(commonName.utf8)
        guard let subject = unsafe X509_get_subject_name(certificate),
            unsafe X509_NAME_add_entry_by_NID(
                subject, NID_commonName, MBSTRING_UTF8, text, Int32(text.count), -1, 0) == 1
        else { throw .openSSL("writing a subject") }
        let name = unsafe issuer.map { unsafe X509_get_subject_name($0.certificate.pointer) } ?? subject
        guard unsafe X509_set_issuer_name(certificate, name) == 1 else { throw .openSSL("writing an issuer") }
    }

    private func add(
        _ wanted: Extension, to certificate: OpaquePointer, issuer: Issuer?
    ) throws(AuthorityError) {
        var context = unsafe X509V3_CTX()
        unsafe X509V3_set_ctx(
            &context, issuer?.certificate.pointer ?? certificate, certificate, nil, nil, 0)
        guard let made = unsafe X509V3_EXT_conf_nid(nil, &context, wanted.identifier, wanted.value) else {
            throw .openSSL("writing an extension")
        }
        defer { unsafe X509_EXTENSION_free(made) }
        guard unsafe X509_add_ext(certificate, made, -1) == 1 else { throw .openSSL("writing an extension") }
    }
}
