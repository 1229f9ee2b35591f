import COpenSSL
import Foundation

/// What a client of a test says in its handshake.
struct TLSWish: Sendable {
    enum Version: Sendable {
        case tls10, tls11, tls12, tls13

        var number: Int32 {
            switch self {
            case .tls10: TLS1_VERSION
            case .tls11: TLS1_1_VERSION
            case .tls12: TLS1_2_VERSION
            case .tls13: TLS1_3_VERSION
            }
        }
    }

    /// Host that is named to the server; nil names none.
    var name: String? = "localhost"
    var versions: ClosedRange<Version> = .tls12 ... .tls13
    /// By their names in ALPN; empty offers none.
    var applications: [String] = []
    /// As OpenSSL names them; nil are its own.
    var signatures: String?
    /// PEM files: what is shown where the server asks.
    var certificate: (chain: String, key: String)?
    /// PEM file of who is trusted; nil verifies nothing.
    var authorities: String?
    var asksForStatus = false
    var session: TLSTicket?

    init(_ name: String? = "localhost", _ applications: [String] = []) {
        self.name = name
        self.applications = applications
    }

    static func only(_ version: Version) -> TLSWish {
        var wish = TLSWish()
        wish.versions = version...version
        return wish
    }
}

extension TLSWish.Version: Comparable {
    static func < (left: Self, right: Self) -> Bool { left.number < right.number }
}

/// A session that may be taken up again.
final class TLSTicket: @unchecked Sendable {
    // Unchecked: OpenSSL counts references to sessions with atomics, and this is never changed.
    let session: OpaquePointer

    init(_ session: OpaquePointer) { self.session = session }

    deinit { SSL_SESSION_free(session) }
}

/// A client's TLS connection: OpenSSL works on memory, bytes come and go through the socket below with its
/// deadlines. One thread at a time.
final class TLSSocket: TestSocket, @unchecked Sendable {
    // Unchecked: who holds it uses it on one thread.
    private let ssl: OpaquePointer
    private let incoming: OpaquePointer
    private let outgoing: OpaquePointer
    /// The server has said that nothing more comes (close_notify), before the connection ended.
    private(set) var wasClosedInOrder = false

    init(over socket: TestSocket, _ wish: TLSWish) throws(SocketError) {
        guard let context = SSL_CTX_new(TLS_client_method()), let incoming = BIO_new(BIO_s_mem()),
            let outgoing = BIO_new(BIO_s_mem())
        else { throw .tls("no memory") }
        defer { SSL_CTX_free(context) }
        try TLSSocket.configure(context, wish)
        guard let ssl = SSL_new(context) else { throw .tls("no memory") }
        SSL_set_bio(ssl, incoming, outgoing)
        SSL_set_connect_state(ssl)
        if let name = wish.name { _ = floodgate_set_server_name(ssl, name) }
        if wish.asksForStatus {
            SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_STATUS_REQ_TYPE, Int(TLSEXT_STATUSTYPE_ocsp), nil)
        }
        if let session = wish.session { SSL_set_session(ssl, session.session) }
        (self.ssl, self.incoming, self.outgoing) = (ssl, incoming, outgoing)
        super.init(adopting: socket.release())
    }

    /// The server's side of a connection: for origins.
    init(serving socket: TestSocket, chain: String, key: String) throws(SocketError) {
        guard let context = SSL_CTX_new(TLS_server_method()), let incoming = BIO_new(BIO_s_mem()),
            let outgoing = BIO_new(BIO_s_mem())
        else { throw .tls("no memory") }
        defer { SSL_CTX_free(context) }
        guard SSL_CTX_use_certificate_chain_file(context, chain) == 1,
            SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) == 1, let ssl = SSL_new(context)
        else { throw .tls(Self.failure()) }
        SSL_set_bio(ssl, incoming, outgoing)
        SSL_set_accept_state(ssl)
        (self.ssl, self.incoming, self.outgoing) = (ssl, incoming, outgoing)
        super.init(adopting: socket.release())
    }

    deinit {
        // A session of a connection that was not closed in order would be good for nothing.
        SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN)
        SSL_free(ssl)
    }

    private static func configure(_ context: OpaquePointer, _ wish: TLSWish) throws(SocketError) {
        _ = floodgate_set_minimum(context, wish.versions.lowerBound.number)
        _ = floodgate_set_maximum(context, wish.versions.upperBound.number)
        // Versions that nobody should speak any more need what OpenSSL has forbidden since.
        if wish.versions.lowerBound < .tls12 { SSL_CTX_set_cipher_list(context, "DEFAULT@SECLEVEL=0") }
        if let signatures = wish.signatures {
            var list = Array(signatures.utf8CString)
            guard SSL_CTX_ctrl(context, SSL_CTRL_SET_SIGALGS_LIST, 0, &list) == 1 else {
                throw .tls("no such signatures")
            }
        }
        let protocols = wish.applications.flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) }
        if !protocols.isEmpty { SSL_CTX_set_alpn_protos(context, protocols, UInt32(protocols.count)) }
        if let authorities = wish.authorities {
            guard SSL_CTX_load_verify_locations(context, authorities, nil) == 1 else {
                throw .tls("authorities")
            }
            SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nil)
        }
        if let certificate = wish.certificate {
            guard SSL_CTX_use_certificate_chain_file(context, certificate.chain) == 1,
                SSL_CTX_use_PrivateKey_file(context, certificate.key, SSL_FILETYPE_PEM) == 1
            else { throw .tls(failure()) }
        }
    }

    /// Shakes hands; throws what OpenSSL says where that fails.
    func shakeHands(_ deadline: Deadline) throws(SocketError) {
        while true {
            ERR_clear_error()
            let result = SSL_do_handshake(ssl)
            let error = SSL_get_error(ssl, result)
            let reason = result == 1 ? "" : Self.failure()
            try sendWritten(deadline)
            if result == 1 { return }
            guard error == SSL_ERROR_WANT_READ else { throw .tls(reason) }
            guard try takeIn(deadline) else { throw .tls("closed during the handshake") }
        }
    }

    override func send(_ bytes: [UInt8], _ deadline: Deadline) throws(SocketError) {
        guard !bytes.isEmpty else { return }
        try write(bytes)
        try sendWritten(deadline)
    }

    /// Encrypts without sending.
    private func write(_ bytes: [UInt8]) throws(SocketError) {
        ERR_clear_error()
        var count = 0
        guard SSL_write_ex(ssl, bytes, bytes.count, &count) == 1, count == bytes.count else {
            throw .tls(Self.failure())
        }
    }

    override func receive(atMost limit: Int = 64 * 1024, _ deadline: Deadline) throws(SocketError) -> [UInt8]
    {
        while true {
            ERR_clear_error()
            var bytes = [UInt8](repeating: 0, count: limit)
            var count = 0
            let result = SSL_read_ex(ssl, &bytes, limit, &count)
            if result == 1 {
                try sendWritten(deadline)
                return Array(bytes.prefix(count))
            }
            let error = SSL_get_error(ssl, result)
            let reason = Self.failure()
            switch error {
            case SSL_ERROR_WANT_READ:
                try sendWritten(deadline)
                guard try takeIn(deadline) else { return [] }
            case SSL_ERROR_ZERO_RETURN:
                wasClosedInOrder = true
                return []
            default: throw .tls(reason)
            }
        }
    }

    /// Says that nothing more comes, and leaves the socket open both ways.
    func sayClosed(_ deadline: Deadline = Deadline(in: .seconds(5))) throws(SocketError) {
        SSL_shutdown(ssl)
        try sendWritten(deadline)
    }

    /// Bytes that are encrypted, as they would go over the wire: to be sent cut, doubled or not at all.
    func encrypted(_ bytes: [UInt8]) throws(SocketError) -> [UInt8] {
        try write(bytes)
        return takeWritten()
    }

    /// A change of the client's keys, as often as said, as it would go over the wire (RFC 8446 §4.6.3).
    func keyUpdates(_ count: Int, wantingAnswers: Bool = false) -> [UInt8] {
        var bytes: [UInt8] = []
        for _ in 0..<count {
            SSL_key_update(
                ssl, wantingAnswers ? SSL_KEY_UPDATE_REQUESTED : SSL_KEY_UPDATE_NOT_REQUESTED)
            SSL_do_handshake(ssl)
            bytes += takeWritten()
        }
        return bytes
    }

    /// Sends bytes that are not encrypted.
    func sendRaw(_ bytes: [UInt8], _ deadline: Deadline) throws(SocketError) {
        try super.send(bytes, deadline)
    }

    /// What comes, as it comes.
    func receiveRaw(_ deadline: Deadline) throws(SocketError) -> [UInt8] { try super.receive(deadline) }

    // MARK: What was agreed on

    var version: String { String(cString: SSL_get_version(ssl)) }
    var isResumed: Bool { SSL_session_reused(ssl) == 1 }

    /// What ALPN has come to; nil for nothing.
    var application: String? {
        var name: UnsafePointer<UInt8>?
        var length: UInt32 = 0
        SSL_get0_alpn_selected(ssl, &name, &length)
        guard let name else { return nil }
        return String(decoding: UnsafeBufferPointer(start: name, count: Int(length)), as: UTF8.self)
    }

    /// The server's certificate, PEM.
    var certificate: [UInt8] {
        guard let found = floodgate_peer_certificate(ssl), let bio = BIO_new(BIO_s_mem()) else { return [] }
        defer { BIO_free(bio) }
        PEM_write_bio_X509(bio, found)
        return Self.drain(bio)
    }

    /// How many certificates the server has sent, its own included.
    var chainLength: Int { Int(OPENSSL_sk_num(SSL_get_peer_cert_chain(ssl))) }

    /// Its names, to tell which certificate it is.
    var names: [String] { (try? TLSFiles.names(certificate)) ?? [] }

    /// Whether its key is an RSA key.
    var hasRSA: Bool {
        guard let found = floodgate_peer_certificate(ssl) else { return false }
        return EVP_PKEY_get_base_id(X509_get0_pubkey(found)) == EVP_PKEY_RSA
    }

    /// What the server has stapled.
    var status: [UInt8] {
        var start: UnsafeMutablePointer<UInt8>?
        let count = withUnsafeMutablePointer(to: &start) {
            SSL_ctrl(ssl, SSL_CTRL_GET_TLSEXT_STATUS_REQ_OCSP_RESP, 0, UnsafeMutableRawPointer($0))
        }
        guard let start, count > 0 else { return [] }
        return Array(UnsafeBufferPointer(start: start, count: count))
    }

    /// What a later connection may go on with. TLS 1.3 has it after the first answer.
    var ticket: TLSTicket? {
        guard let session = SSL_get1_session(ssl) else { return nil }
        let ticket = TLSTicket(session)
        return SSL_SESSION_is_resumable(session) == 1 ? ticket : nil
    }

    // MARK: The socket below

    private func sendWritten(_ deadline: Deadline) throws(SocketError) {
        let bytes = takeWritten()
        if !bytes.isEmpty { try super.send(bytes, deadline) }
    }

    private func takeWritten() -> [UInt8] { Self.drain(outgoing) }

    /// False where the connection has ended.
    private func takeIn(_ deadline: Deadline) throws(SocketError) -> Bool {
        let bytes = try super.receive(atMost: 64 * 1024, deadline)
        guard !bytes.isEmpty else { return false }
        BIO_write(incoming, bytes, Int32(bytes.count))
        return true
    }

    private static func drain(_ bio: OpaquePointer) -> [UInt8] {
        let count = BIO_ctrl_pending(bio)
        guard count > 0 else { return [] }
        var bytes = [UInt8](repeating: 0, count: count)
        BIO_read(bio, &bytes, Int32(count))
        return bytes
    }

    private static func failure() -> String {
        let error = ERR_peek_last_error()
        ERR_clear_error()
        guard error != 0, let words = ERR_reason_error_string(error) else { return "the connection broke" }
        return String(cString: words)
    }
}
