import Bytes
import COpenSSL
import Glibc
import Reactor

/// TLS of clients: version 1.3 with one cipher and one group, so that every server is asked for the same
/// work. Certificates are not looked at: that would be the client's work alone.
// SAFETY: `context` is this object's own until it goes; each session counts as a user of it besides. All of
// it stays on the one thread.
@safe
final class TLSClient {
    private let context: OpaquePointer

    static let cipher = "TLS_AES_128_GCM_SHA256"
    static let group = "X25519"

    /// - Parameter application: What is offered by ALPN, such as `http/1.1`.
    init(application: String) throws(TLSError) {
        // OpenSSL writes by itself; a peer that has gone is an error there, not a signal.
        signal(SIGPIPE, SIG_IGN)
        guard let made = unsafe SSL_CTX_new(TLS_client_method()) else { throw TLSError.unusable }
        unsafe context = made
        let name = Array(application.utf8)
        let offer = [UInt8(name.count)] + name
        unsafe loadgen_set_modes(context)
        guard unsafe loadgen_set_versions(context, TLS1_3_VERSION) == 1,
            unsafe SSL_CTX_set_ciphersuites(context, Self.cipher) == 1,
            unsafe loadgen_set_groups(context, Self.group) == 1,
            unsafe SSL_CTX_set_alpn_protos(context, offer, UInt32(offer.count)) == 0
        else { throw TLSError.unusable }
    }

    deinit { unsafe SSL_CTX_free(context) }

    /// A session on a connected socket, which stays the caller's to close.
    func begin(on socket: Socket, resuming ticket: TLSTicket? = nil) throws(TLSError) -> TLSSession {
        guard let session = unsafe SSL_new(context) else { throw TLSError.unusable }
        let made = unsafe TLSSession(session)
        unsafe SSL_set_connect_state(session)
        guard unsafe SSL_set_fd(session, socket.descriptor) == 1,
            unsafe loadgen_set_host(session, "localhost") == 1
        else { throw TLSError.unusable }
        if let ticket { unsafe SSL_set_session(session, ticket.session) }
        return made
    }
}

enum TLSError: Error {
    /// OpenSSL refuses what is asked of it, before anything is sent.
    case unusable
}

/// What a later connection resumes with.
// SAFETY: the object holds one reference of `session` and gives it back when it goes.
@safe
final class TLSTicket {
    fileprivate let session: OpaquePointer

    fileprivate init(_ session: OpaquePointer) { unsafe self.session = session }

    deinit { unsafe SSL_SESSION_free(session) }
}

/// One connection's TLS.
// SAFETY: `session` is this object's own until it goes. Memory handed to OpenSSL lives for the length of each
// call.
@safe
final class TLSSession {
    enum Handshake: Equatable {
        case done(resumed: Bool)
        /// The peer's turn, or the kernel's.
        case waits
        case failed
    }

    private let session: OpaquePointer
    private(set) var isEstablished = false

    fileprivate init(_ session: OpaquePointer) { unsafe self.session = session }

    deinit { unsafe SSL_free(session) }

    func handshake() -> Handshake {
        ERR_clear_error()
        let result = unsafe SSL_do_handshake(session)
        if result == 1 {
            isEstablished = true
            return .done(resumed: unsafe SSL_session_reused(session) == 1)
        }
        switch unsafe SSL_get_error(session, result) {
        case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: return .waits
        default: return .failed
        }
    }

    /// Bytes of one record at most: only `blocked` tells that everything is read.
    func receive(into region: UnsafeMutableRawBufferPointer) -> Transfer {
        ERR_clear_error()
        let count = unsafe SSL_read(session, region.baseAddress, Int32(clamping: region.count))
        return count > 0 ? .moved(Int(count)) : transfer(count)
    }

    func send(_ bytes: ByteView) -> Transfer {
        ERR_clear_error()
        let count = unsafe SSL_write(session, bytes.start, Int32(clamping: bytes.count))
        return count > 0 ? .moved(Int(count)) : transfer(count)
    }

    private func transfer(_ result: Int32) -> Transfer {
        let code = errno
        return switch unsafe SSL_get_error(session, result) {
        case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: .blocked
        case SSL_ERROR_ZERO_RETURN: .ended
        case SSL_ERROR_SYSCALL: code == 0 ? .ended : .failed(code)
        default: .failed(EPROTO)
        }
    }

    /// The protocol chosen by ALPN; nil where the server chose none.
    var application: String? {
        var name: UnsafePointer<UInt8>?
        var length: UInt32 = 0
        unsafe SSL_get0_alpn_selected(session, &name, &length)
        guard let start = unsafe name, length > 0 else { return nil }
        return unsafe String(decoding: UnsafeBufferPointer(start: start, count: Int(length)), as: UTF8.self)
    }

    /// The latest ticket, which servers send right behind the handshake: it is there once an answer is.
    func ticket() -> TLSTicket? {
        guard let current = unsafe SSL_get1_session(session) else { return nil }
        return unsafe TLSTicket(current)
    }

    /// Tells the peer that this is the end. A session without it could not be resumed.
    func end() {
        guard isEstablished else { return }
        ERR_clear_error()
        _ = unsafe SSL_shutdown(session)
    }
}
