import COpenSSL
import Foundation

/// Stands before a port and adds TLS to it, or takes it away: so that peers of tests, which speak in plain,
/// speak to a gateway that wants TLS. Passes on how connections end.
final class TLSRelay: @unchecked Sendable {
    // Unchecked: what changes is behind `lock`; the context is OpenSSL's, which locks it.
    enum Role: Sendable {
        /// TLS is what comes, plain what goes on: before an origin.
        case server
        /// The other way round: before a gateway. This name is told, nothing is verified.
        case client(name: String)
    }

    /// How the end of the plain side is told.
    enum Ending: Sendable {
        /// With close_notify.
        case inOrder
        /// As if the connection was cut.
        case cut
    }

    struct Options: Sendable {
        var credentials: TestCredentials.Pair?
        /// PEM of authorities that the peer must have a certificate of.
        var authorities: String?
        var minimum = TLS1_2_VERSION
        var maximum = TLS1_3_VERSION
        /// In this order; those of a server that speaks of none are none.
        var protocols: [String] = []
        var ending = Ending.inOrder
        /// Session tickets behind a handshake of TLS 1.3.
        var tickets = 2
    }

    /// What the peers have agreed on.
    struct Agreement: Equatable, Sendable {
        var name: String?
        var version: String
        var application: String?
        var subject: String?
        var isResumed: Bool
    }

    let port: UInt16
    private let listener: Int32
    private let target: UInt16
    private let role: Role
    private let options: Options
    private let context: OpaquePointer
    private let applications: UnsafeMutableBufferPointer<UInt8>
    private let lock = NSLock()
    private var reached: [Agreement] = []
    private var failed: [String] = []
    private var wantedTickets = 0
    private var notified = 0

    struct CannotBegin: Error {}

    init(_ role: Role, before target: UInt16, _ options: Options = Options()) throws {
        guard let context = SSL_CTX_new(role.isServer ? TLS_server_method() : TLS_client_method()) else {
            throw CannotBegin()
        }
        (listener, port) = try Loopback.listen()
        (self.target, self.role, self.options, self.context) = (target, role, options, context)
        let names = options.protocols.flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) }
        applications = .allocate(capacity: names.count + 1)
        _ = applications.initialize(from: [UInt8(names.count)] + names)
        try configure()
        // OpenSSL writes to sockets without MSG_NOSIGNAL.
        signal(SIGPIPE, SIG_IGN)
        Thread.detachNewThread { self.acceptConnections() }
    }

    deinit {
        SSL_CTX_free(context)
        applications.deallocate()
    }

    /// Handshakes that were done, in their order.
    var agreements: [Agreement] { lock.withLock { reached } }
    /// Handshakes that failed, and why.
    var failures: [String] { lock.withLock { failed } }
    /// Connections whose TLS peer has said close_notify.
    var notices: Int { lock.withLock { notified } }

    /// Has one of the connections send a ticket more.
    func sendTicket() { lock.withLock { wantedTickets += 1 } }

    /// Whether the ticket has been sent.
    var hasSentTickets: Bool { lock.withLock { wantedTickets == 0 } }

    func stop() { shutdown(listener, Int32(SHUT_RDWR)) }

    private func configure() throws {
        guard floodgate_set_minimum(context, options.minimum) == 1,
            floodgate_set_maximum(context, options.maximum) == 1
        else { throw CannotBegin() }
        if let pair = options.credentials {
            guard SSL_CTX_use_certificate_chain_file(context, pair.certificate) == 1,
                SSL_CTX_use_PrivateKey_file(context, pair.key, SSL_FILETYPE_PEM) == 1
            else { throw CannotBegin() }
        }
        if let authorities = options.authorities {
            guard SSL_CTX_load_verify_locations(context, authorities, nil) == 1 else { throw CannotBegin() }
            SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nil)
        }
        SSL_CTX_set_num_tickets(context, options.tickets)
        _ = floodgate_set_mode(
            context, Int(SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER))
        guard !options.protocols.isEmpty, let names = applications.baseAddress else { return }
        guard role.isServer else {
            SSL_CTX_set_alpn_protos(context, names + 1, UInt32(names[0]))
            return
        }
        let select: SSL_CTX_alpn_select_cb_func = { _, chosen, length, offered, count, own in
            guard let own = own?.assumingMemoryBound(to: UInt8.self) else { return SSL_TLSEXT_ERR_NOACK }
            let result = chosen?.withMemoryRebound(to: UnsafeMutablePointer<UInt8>?.self, capacity: 1) {
                SSL_select_next_proto($0, length, own + 1, UInt32(own[0]), offered, count)
            }
            return result == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK
        }
        SSL_CTX_set_alpn_select_cb(context, select, names)
    }

    private func acceptConnections() {
        while true {
            let descriptor = accept(listener, nil, nil)
            if descriptor < 0, errno == EINTR || errno == ECONNABORTED { continue }
            guard descriptor >= 0 else { break }
            Thread.detachNewThread { self.serve(descriptor) }
        }
        close(listener)
    }

    private func serve(_ accepted: Int32) {
        let other = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        let isConnected = Loopback.withAddress(port: target) { Glibc.connect(other, $0, $1) } == 0
        guard isConnected, let session = SSL_new(context) else {
            close(accepted)
            close(other)
            return
        }
        for descriptor in [accepted, other] {
            _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
            var one: Int32 = 1
            let size = socklen_t(MemoryLayout<Int32>.size)
            setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, size)
        }
        let (encrypted, plain) = role.isServer ? (accepted, other) : (other, accepted)
        SSL_set_fd(session, encrypted)
        switch role {
        case .server: SSL_set_accept_state(session)
        case .client(let name):
            SSL_set_connect_state(session)
            _ = floodgate_set_server_name(session, name)
        }
        var connection = TLSRelayConnection(
            self, session, encrypted: encrypted, plain: plain, options.ending)
        connection.run()
        SSL_free(session)
        close(accepted)
        close(other)
    }

    // MARK: What connections tell

    func takeTicket() -> Bool {
        lock.withLock {
            guard wantedTickets > 0 else { return false }
            wantedTickets -= 1
            return true
        }
    }

    func noteClosed() { lock.withLock { notified += 1 } }

    func noteFailure(_ reason: String) { lock.withLock { failed.append(reason) } }

    func noteAgreement(_ session: OpaquePointer) {
        var text: UnsafePointer<UInt8>?
        var length: UInt32 = 0
        SSL_get0_alpn_selected(session, &text, &length)
        let application = text.map {
            String(decoding: UnsafeBufferPointer(start: $0, count: Int(length)), as: UTF8.self)
        }
        var subject: String?
        if let certificate = floodgate_peer_certificate(session),
            let line = X509_NAME_oneline(X509_get_subject_name(certificate), nil, 0)
        {
            subject = String(cString: line)
            floodgate_openssl_free(line)
        }
        let agreement = Agreement(
            name: floodgate_server_name(session).map { String(cString: $0) },
            version: String(cString: SSL_get_version(session)), application: application, subject: subject,
            isResumed: SSL_session_reused(session) == 1)
        lock.withLock { reached.append(agreement) }
    }
}

extension TLSRelay.Role {
    fileprivate var isServer: Bool { if case .server = self { true } else { false } }
}
