import Addressing
import COpenSSL
import Glibc

// SAFETY: what OpenSSL lends (names, times, keys) belongs to the certificate, which `self` keeps alive during
// each getter; what it gives is freed in the getter. All of it is copied before the getter returns.
extension CertificateHandle {
    var subject: String { unsafe Self.text(name: X509_get_subject_name(pointer)) }

    var issuer: String { unsafe Self.text(name: X509_get_issuer_name(pointer)) }

    var commonName: String? {
        guard let name = unsafe X509_get_subject_name(pointer) else { return nil }
        var found: Int32 = -1
        while true {
            let next = unsafe X509_NAME_get_index_by_NID(name, NID_commonName, found)
            guard next >= 0 else { break }
            found = next
        }
        guard found >= 0, let entry = unsafe X509_NAME_get_entry(name, found),
            let data = unsafe X509_NAME_ENTRY_get_data(entry)
        else { return nil }
        return unsafe Self.text(string: data)
    }

    var notBefore: Int64 { unsafe Self.seconds(X509_get0_notBefore(pointer)) ?? .max }

    var notAfter: Int64 { unsafe Self.seconds(X509_get0_notAfter(pointer)) ?? .min }

    var serial: String {
        guard let integer = unsafe X509_get0_serialNumber(pointer),
            let number = unsafe ASN1_INTEGER_to_BN(integer, nil)
        else { return "" }
        defer { unsafe BN_free(number) }
        guard let digits = unsafe BN_bn2hex(number) else { return "" }
        defer { unsafe floodgate_openssl_free(digits) }
        return unsafe String(cString: digits)
    }

    var keyAlgorithm: KeyAlgorithm {
        defer { ERR_clear_error() }
        guard let key = unsafe X509_get0_pubkey(pointer) else { return .other(bits: 0) }
        return unsafe KeyHandle.algorithm(of: key)
    }

    var signatureAlgorithm: SignatureAlgorithm {
        defer { ERR_clear_error() }
        let identifier = unsafe X509_get_signature_nid(pointer)
        let name = unsafe OBJ_nid2ln(identifier).map { unsafe String(cString: $0) }
        var digest: Int32 = 0
        _ = unsafe X509_get_signature_info(pointer, &digest, nil, nil, nil)
        let weak: String? =
            switch digest {
            case NID_sha1: "SHA-1"
            case NID_md5: "MD5"
            case NID_md5_sha1: "MD5 and SHA-1"
            case NID_md4: "MD4"
            case NID_md2: "MD2"
            default: nil
            }
        return SignatureAlgorithm(name: name ?? "unknown", weakDigest: weak)
    }

    var alternativeNames: [AlternativeName] {
        defer { ERR_clear_error() }
        guard let extensionValue = unsafe X509_get_ext_d2i(pointer, NID_subject_alt_name, nil, nil) else {
            return []
        }
        let list = OpaquePointer(extensionValue)
        defer { unsafe GENERAL_NAMES_free(list) }
        return (0..<max(0, unsafe floodgate_general_names_count(list))).compactMap { index in
            unsafe floodgate_general_names_at(list, index).flatMap { unsafe Self.alternativeName($0) }
        }
    }

    private static func alternativeName(_ name: UnsafePointer<GENERAL_NAME>) -> AlternativeName? {
        var kind: Int32 = -1
        guard let value = unsafe GENERAL_NAME_get0_value(name, &kind) else { return nil }
        let string = unsafe UnsafePointer(value.assumingMemoryBound(to: ASN1_STRING.self))
        switch kind {
        case GEN_DNS: return .dns(EscapedText.text(unsafe bytes(string: string)))
        case GEN_IPADD:
            let bytes = unsafe bytes(string: string)
            let bits = bytes.reduce(UInt128(0)) { $0 << 8 | UInt128($1) }
            switch bytes.count {
            case 4: return .address(IPAddress(ipv4: UInt32(truncatingIfNeeded: bits)))
            case 16: return .address(IPAddress(bits: bits))
            default: return nil
            }
        default: return nil
        }
    }

    /// RFC 2253 in one line.
    private static func text(name: OpaquePointer?) -> String {
        guard let output = MemoryOutput() else { return "" }
        guard unsafe X509_NAME_print_ex(output.pointer, name, 0, floodgate_name_flags()) >= 0 else {
            return ""
        }
        return String(decoding: output.bytes(), as: UTF8.self)
    }

    /// As UTF-8, escaped where it is not printable ASCII.
    private static func text(string: UnsafePointer<ASN1_STRING>) -> String? {
        var start: UnsafeMutablePointer<UInt8>?
        let length = unsafe ASN1_STRING_to_UTF8(&start, string)
        guard length >= 0, let start = unsafe start else { return nil }
        defer { unsafe floodgate_openssl_free(start) }
        return EscapedText.text(unsafe Array(UnsafeBufferPointer(start: start, count: Int(length))))
    }

    private static func bytes(string: UnsafePointer<ASN1_STRING>) -> [UInt8] {
        let length = unsafe ASN1_STRING_length(string)
        guard length > 0, let start = unsafe ASN1_STRING_get0_data(string) else { return [] }
        return unsafe Array(UnsafeBufferPointer(start: start, count: Int(length)))
    }

    /// Seconds since 1970; nil for a time that is none.
    private static func seconds(_ time: UnsafePointer<ASN1_TIME>?) -> Int64? {
        guard let time = unsafe time else { return nil }
        defer { ERR_clear_error() }
        var civil = unsafe tm()
        guard unsafe ASN1_TIME_to_tm(time, &civil) == 1 else { return nil }
        return Int64(unsafe timegm(&civil))
    }
}
