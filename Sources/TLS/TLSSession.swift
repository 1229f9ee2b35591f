import Bytes
import COpenSSL

/// One TLS connection's state. A handle, like a descriptor: who holds it in a table frees it, once. Does no
/// input or output: encrypted bytes come as arguments and stand in the worker's `Wire` afterwards.
// SAFETY: `session` lives until `free`; the holder's table sees to it that nobody uses it afterwards, and the
// session's thread is that of its wire. Regions are the caller's for the length of a call.
@safe
package struct TLSSession {
    let session: OpaquePointer

    /// What came of showing a session bytes.
    package struct Reading {
        /// Decrypted bytes that were written.
        package var count: Int
        package var end = End.none
    }

    package enum End: Equatable {
        case none
        /// The peer has said that nothing more comes (close_notify).
        case closed
        case failed(TLSFailure)
    }

    /// Decrypts what `input` holds and what the session had kept of a cut record, into `region`; until the
    /// handshake is done, goes on with that first. All of `input` is taken in. Answers that the protocol
    /// wants stand in `wire` afterwards.
    ///
    /// - Parameter region: At least `input.count + Wire.slack` bytes.
    package func read(_ input: ByteView, into region: MutableByteView, _ wire: borrowing Wire) -> Reading {
        precondition(region.count >= input.count + Wire.slack, "decrypted bytes need room")
        var reading = Reading(count: 0)
        ERR_clear_error()
        unsafe wire.state.pointee.input = unsafe input.start
        unsafe wire.state.pointee.inputCount = input.count
        defer {
            unsafe wire.state.pointee.input = nil
            unsafe wire.state.pointee.inputCount = 0
        }
        while true {
            var count = 0
            let result = unsafe SSL_read_ex(
                session, region.start + reading.count, region.count - reading.count, &count)
            if result == 1 {
                reading.count += count
                // Asked once more, it would only say that it wants to read.
                if unsafe wire.state.pointee.inputCount == 0 && SSL_has_pending(session) == 0 {
                    return reading
                }
                continue
            }
            switch unsafe SSL_get_error(session, result) {
            case SSL_ERROR_WANT_READ: break
            case SSL_ERROR_ZERO_RETURN: reading.end = .closed
            default: reading.end = .failed(failure())
            }
            return reading
        }
    }

    /// Begins the handshake of a client: its first flight stands in `wire` afterwards.
    package func begin(_ wire: borrowing Wire) -> End {
        ERR_clear_error()
        let result = unsafe SSL_do_handshake(session)
        if result == 1 { return .none }
        return switch unsafe SSL_get_error(session, result) {
        case SSL_ERROR_WANT_READ: .none
        default: .failed(failure())
        }
    }

    /// Encrypts all of `bytes` into `wire`. False where the session is broken.
    package func write(_ bytes: ByteView, _ wire: borrowing Wire) -> Bool {
        guard !bytes.isEmpty else { return true }
        ERR_clear_error()
        var count = 0
        let result = unsafe SSL_write_ex(session, bytes.start, bytes.count, &count)
        return result == 1 && count == bytes.count
    }

    /// Says that nothing more comes from this side: close_notify stands in `wire` afterwards.
    package func close(_ wire: borrowing Wire) {
        guard isEstablished else { return }
        ERR_clear_error()
        _ = unsafe SSL_shutdown(session)
        ERR_clear_error()
    }

    package func free() { unsafe SSL_free(session) }

    private func failure() -> TLSFailure {
        let failure = TLSFailure.last(otherwise: "the connection broke")
        guard failure.kind == .unverified else { return failure }
        let code = unsafe SSL_get_verify_result(session)
        guard code != X509_V_OK, let words = unsafe X509_verify_cert_error_string(code) else {
            return failure
        }
        return TLSFailure(.unverified, unsafe "certificate not trusted: \(String(cString: words))")
    }

    // MARK: What was agreed on

    /// Whether the handshake is done.
    package var isEstablished: Bool { unsafe SSL_is_init_finished(session) == 1 }

    /// Whether an earlier session was taken up again, without a full handshake.
    package var isResumed: Bool { unsafe SSL_session_reused(session) == 1 }

    /// Whether the peers have agreed on HTTP/2 (ALPN, RFC 7301).
    package var speaksHTTP2: Bool {
        var name: UnsafePointer<UInt8>?
        var length: UInt32 = 0
        unsafe SSL_get0_alpn_selected(session, &name, &length)
        guard let name = unsafe name, length == 2 else { return false }
        return unsafe name[0] == 0x68 && name[1] == 0x32
    }

    package var version: TLSVersion { unsafe SSL_version(session) == TLS1_3_VERSION ? .tls13 : .tls12 }

    /// Subject of the peer's certificate (RFC 2253), nil where it has shown none. Allocates.
    package var peerSubject: String? {
        guard let certificate = unsafe floodgate_peer_certificate(session) else { return nil }
        return unsafe CertificateText.subject(of: certificate)
    }
}

package enum TLSVersion: UInt8, CaseIterable, Sendable {
    case tls12, tls13

    var number: Int32 {
        switch self {
        case .tls12: TLS1_2_VERSION
        case .tls13: TLS1_3_VERSION
        }
    }
}

// SAFETY: the BIO is freed before its memory is used no more; the text is copied out.
enum CertificateText {
    @unsafe
    static func subject(of certificate: OpaquePointer) -> String? {
        guard let name = unsafe X509_get_subject_name(certificate), let bio = unsafe BIO_new(BIO_s_mem())
        else {
            return nil
        }
        defer { unsafe BIO_free(bio) }
        guard unsafe X509_NAME_print_ex(bio, name, 0, floodgate_subject_flags) >= 0 else { return nil }
        var bytes = [UInt8](repeating: 0, count: 2048)
        let count = unsafe bytes.withUnsafeMutableBytes {
            unsafe BIO_read(bio, $0.baseAddress, Int32($0.count))
        }
        guard count > 0 else { return nil }
        return String(decoding: bytes.prefix(Int(count)), as: UTF8.self)
    }
}
