import COpenSSL

/// A certificate's status as its authority has signed it (RFC 6960), stapled to handshakes.
// SAFETY: what OpenSSL parses out of the bytes is owned and freed here.
package enum OCSPStatus {
    /// Whether the bytes are a response, a successful one.
    package static func isResponse(_ bytes: [UInt8]) -> Bool {
        unsafe withResponse(bytes) { unsafe OCSP_response_status($0) == OCSP_RESPONSE_STATUS_SUCCESSFUL }
            ?? false
    }

    /// Whether a response is about this certificate: its serial number stands in it.
    @unsafe
    static func isAbout(_ certificate: OpaquePointer, _ bytes: [UInt8]) -> Bool {
        guard let serial = unsafe X509_get0_serialNumber(certificate) else { return false }
        return unsafe withResponse(bytes) { response in
            guard let basic = unsafe OCSP_response_get1_basic(response) else { return false }
            defer { unsafe OCSP_BASICRESP_free(basic) }
            for index in 0..<(unsafe OCSP_resp_count(basic)) {
                guard let single = unsafe OCSP_resp_get0(basic, index),
                    let id = unsafe OCSP_SINGLERESP_get0_id(single)
                else { continue }
                if unsafe ASN1_INTEGER_cmp(floodgate_status_serial(id), serial) == 0 { return true }
            }
            return false
        } ?? false
    }

    @unsafe
    private static func withResponse(_ bytes: [UInt8], _ body: (OpaquePointer) -> Bool) -> Bool? {
        let response = unsafe bytes.withUnsafeBufferPointer { region -> OpaquePointer? in
            var start = region.baseAddress
            return unsafe d2i_OCSP_RESPONSE(nil, &start, region.count)
        }
        ERR_clear_error()
        guard let response = unsafe response else { return nil }
        defer { unsafe OCSP_RESPONSE_free(response) }
        return unsafe body(response)
    }
}
