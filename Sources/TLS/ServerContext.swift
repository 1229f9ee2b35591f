import Bytes
import COpenSSL

/// What a listener's TLS is made of: the files' contents, read and checked before.
package struct ServerMaterial: Equatable, Sendable {
    package struct Certificate: Equatable, Sendable {
        /// PEM, the server's own first.
        package var chain: [UInt8]
        package var key: [UInt8]
        /// Names that it is for: `example.com`, `*.example.com`.
        package var names: [String]
        /// A response of the authority's OCSP responder (DER), stapled to the handshake.
        package var status: [UInt8]?

        package init(chain: [UInt8], key: [UInt8], names: [String], status: [UInt8]? = nil) {
            self.chain = chain
            self.key = key
            self.names = names
            self.status = status
        }
    }

    package enum ClientCertificates: Equatable, Sendable {
        case off
        /// Asked for; a client without one is served all the same. The authorities are PEM.
        case optional(authorities: [UInt8])
        case required(authorities: [UInt8])
    }

    package enum Application: Sendable { case http1, http2 }

    /// At least one; the first serves clients that name no host.
    package var certificates: [Certificate] = []
    package var minimum = TLSVersion.tls12
    /// In the order of the server's liking.
    package var applications: [Application] = [.http2, .http1]
    package var refusesUnknownNames = false
    package var clientCertificates = ClientCertificates.off

    package init() {}
}

/// A listener's TLS as one worker uses it: a context for each choice of certificates.
///
/// Each worker has its own, because OpenSSL counts references to certificates in each session: shared between
/// threads, the counts would make cores wait for each other.
// SAFETY: contexts are freed in `deinit`; sessions hold references of their own. What callbacks get as their
// argument is this object, which outlives every handshake: sessions in work keep the plan that holds it.
@safe
package final class ServerContext: @unchecked Sendable {
    private let contexts: [OpaquePointer]
    /// Position in `contexts` of each choice of certificates.
    private let choices: [[Int]: Int]
    private let names: ServerNames
    private let refusesUnknownNames: Bool
    /// Protocol names as ALPN writes them.
    private let applications: [UInt8]
    private let statuses: [[UInt8]?]
    private let ticketKeys: TicketKeys

    package init(_ material: ServerMaterial, ticketKeys: TicketKeys) throws(TLSFailure) {
        self.ticketKeys = ticketKeys
        refusesUnknownNames = material.refusesUnknownNames
        applications = material.applications.reduce(into: []) { bytes, application in
            let name: StaticString = application == .http2 ? "h2" : "http/1.1"
            name.withUTF8Buffer { unsafe bytes += [UInt8($0.count)] + Array($0) }
        }
        var names = ServerNames()
        for (index, certificate) in material.certificates.enumerated() {
            names.add(certificate.names, certificate: index)
        }
        self.names = names
        statuses = material.certificates.map(\.status)
        // The default: the first certificate, and those of other key types for the same names.
        let first = material.certificates[0].names
        let fallback = material.certificates.indices.filter { material.certificates[$0].names == first }
        var choices: [[Int]: Int] = [fallback: 0]
        var contexts: [OpaquePointer] = unsafe []
        do throws(TLSFailure) {
            unsafe contexts.append(try ServerContext.makeContext(material, fallback))
            for choice in names.choices.sorted(by: { $0.lexicographicallyPrecedes($1) })
            where choices[choice] == nil {
                choices[choice] = unsafe contexts.count
                unsafe contexts.append(try ServerContext.makeContext(material, choice))
            }
        } catch {
            for index in unsafe contexts.indices { unsafe SSL_CTX_free(contexts[index]) }
            throw error
        }
        self.choices = choices
        unsafe self.contexts = contexts
        for index in unsafe contexts.indices { unsafe install(contexts[index]) }
    }

    deinit { for index in unsafe contexts.indices { unsafe SSL_CTX_free(contexts[index]) } }

    /// A session for a connection that was accepted.
    package func makeSession(_ wire: borrowing Wire) -> TLSSession {
        guard let session = unsafe SSL_new(contexts[0]) else {
            preconditionFailure("no memory for a TLS session")
        }
        let bio = unsafe wire.makeBIO()
        unsafe SSL_set_bio(session, bio, bio)
        unsafe SSL_set_accept_state(session)
        return unsafe TLSSession(session: session)
    }

    // MARK: Contexts

    /// What is strong and fast in that order (Mozilla's intermediate profile without DHE): AES-128 first,
    /// which no known attack weakens and which costs a quarter less than AES-256.
    private static let ciphers =
        "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
        + "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"
    private static let suites =
        "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
    private static let groups = "X25519:P-256:P-384"

    @unsafe
    private static func makeContext(
        _ material: ServerMaterial, _ choice: [Int]
    ) throws(TLSFailure) -> OpaquePointer {
        guard let context = unsafe SSL_CTX_new(TLS_server_method()) else {
            throw TLSFailure.last(otherwise: "no memory for TLS")
        }
        do throws(TLSFailure) {
            unsafe try configure(context, material)
            // Backwards: of two with the same type of key, the last one set is used.
            for index in choice.reversed() {
                let certificate = material.certificates[index]
                unsafe try PEM.use(chain: certificate.chain, key: certificate.key, in: context)
            }
        } catch {
            unsafe SSL_CTX_free(context)
            throw error
        }
        return unsafe context
    }

    @unsafe
    private static func configure(_ context: OpaquePointer, _ material: ServerMaterial) throws(TLSFailure) {
        let options =
            floodgate_no_renegotiation | floodgate_no_compression | floodgate_server_preference
        _ = unsafe SSL_CTX_set_options(context, options)
        _ = unsafe floodgate_set_mode(
            context,
            Int(
                SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN))
        _ = unsafe floodgate_set_cache_mode(context, Int(SSL_SESS_CACHE_OFF))
        unsafe floodgate_set_read_ahead(context)
        // One connection carries all of a client's requests where HTTP/2 is spoken: one ticket takes it up
        // again, and brings the next.
        _ = unsafe SSL_CTX_set_num_tickets(context, 1)
        guard unsafe floodgate_set_minimum(context, material.minimum.number) == 1,
            unsafe SSL_CTX_set_cipher_list(context, ciphers) == 1,
            unsafe SSL_CTX_set_ciphersuites(context, suites) == 1,
            unsafe floodgate_set_groups(context, groups) == 1
        else { throw TLSFailure.last(otherwise: "TLS cannot be set up") }
        unsafe try configureClients(context, material.clientCertificates)
    }

    @unsafe
    private static func configureClients(
        _ context: OpaquePointer, _ clients: ServerMaterial.ClientCertificates
    ) throws(TLSFailure) {
        var identity: [UInt8] = Array("floodgate".utf8)
        let authorities: [UInt8]
        let isRequired: Bool
        switch clients {
        case .off:
            _ = unsafe SSL_CTX_set_session_id_context(context, identity, UInt32(identity.count))
            return
        case .optional(let bytes):
            unsafe SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nil)
            authorities = bytes
            isRequired = false
        case .required(let bytes):
            unsafe SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nil)
            authorities = bytes
            isRequired = true
        }
        unsafe try PEM.trust(authorities, in: context)
        let certificates = unsafe try PEM.certificates(authorities)
        for index in unsafe certificates.indices {
            _ = unsafe SSL_CTX_add_client_CA(context, certificates[index])
            unsafe X509_free(certificates[index])
        }
        // A session that was begun where nobody asked for a certificate, or where none was needed, must not
        // be taken up here: OpenSSL asks for no certificate where it resumes.
        var digest = [UInt8](repeating: 0, count: 32)
        let terms = [isRequired ? 1 : 0] + authorities
        _ = unsafe SHA256(terms, terms.count, &digest)
        identity = Array(digest.prefix(Int(SSL_MAX_SSL_SESSION_ID_LENGTH)))
        _ = unsafe SSL_CTX_set_session_id_context(context, identity, UInt32(identity.count))
    }

    /// What happens in handshakes is decided here.
    @unsafe
    private func install(_ context: OpaquePointer) {
        let this = unsafe Unmanaged.passUnretained(self).toOpaque()
        unsafe floodgate_set_context_data(context, Unmanaged.passUnretained(ticketKeys).toOpaque())
        _ = unsafe SSL_CTX_set_tlsext_ticket_key_evp_cb(context, ticketCallback)
        unsafe floodgate_on_server_name(context, serverNameCallback, this)
        unsafe SSL_CTX_set_alpn_select_cb(context, applicationCallback, this)
        if statuses.contains(where: { $0 != nil }) {
            unsafe floodgate_on_status(context, statusCallback, this)
        }
    }

    // MARK: Decisions

    /// The client has named a host: takes the context of its certificates. False where it is refused.
    @unsafe
    fileprivate func choose(_ name: String, for session: OpaquePointer) -> Bool {
        let choice = names.certificates(for: name)
        guard !choice.isEmpty else { return !refusesUnknownNames }
        if let index = choices[choice], index > 0 { _ = unsafe SSL_set_SSL_CTX(session, contexts[index]) }
        return true
    }

    /// The first of this side's protocols that the client speaks too.
    @unsafe
    fileprivate func choose(
        _ offered: UnsafeBufferPointer<UInt8>, _ chosen: UnsafeMutablePointer<UnsafePointer<UInt8>?>,
        _ length: UnsafeMutablePointer<UInt8>
    ) -> Bool {
        var own = 0
        while own < applications.count {
            let size = Int(applications[own])
            var theirs = 0
            while theirs < offered.count, unsafe theirs + Int(offered[theirs]) < offered.count {
                let count = unsafe Int(offered[theirs])
                if count == size,
                    (0..<size).allSatisfy({ unsafe offered[theirs + 1 + $0] == applications[own + 1 + $0] })
                {
                    unsafe chosen.pointee = offered.baseAddress.map { unsafe $0 + theirs + 1 }
                    unsafe length.pointee = UInt8(size)
                    return true
                }
                theirs += 1 + count
            }
            own += 1 + size
        }
        return false
    }

    /// The status to staple for the certificate that the session shows.
    @unsafe
    fileprivate func status(for session: OpaquePointer) -> [UInt8]? {
        // Which of a choice's certificates is shown, OpenSSL alone knows: by its type of key.
        let context = unsafe SSL_get_SSL_CTX(session)
        guard let position = unsafe contexts.firstIndex(where: { unsafe $0 == context }),
            let choice = choices.first(where: { $0.value == position })?.key,
            let shown = unsafe SSL_get_certificate(session)
        else { return nil }
        for index in choice {
            guard let status = statuses[index] else { continue }
            if unsafe OCSPStatus.isAbout(shown, status) { return status }
        }
        return nil
    }
}

private func serverNameCallback(
    _ session: OpaquePointer?, _ alert: UnsafeMutablePointer<Int32>?, _ argument: UnsafeMutableRawPointer?
) -> Int32 {
    guard let session = unsafe session, let argument = unsafe argument,
        let name = unsafe floodgate_server_name(session)
    else { return SSL_TLSEXT_ERR_NOACK }
    let context = unsafe Unmanaged<ServerContext>.fromOpaque(argument).takeUnretainedValue()
    guard unsafe context.choose(String(cString: name), for: session) else {
        unsafe alert?.pointee = SSL_AD_UNRECOGNIZED_NAME
        return SSL_TLSEXT_ERR_ALERT_FATAL
    }
    return SSL_TLSEXT_ERR_OK
}

private func applicationCallback(
    _ session: OpaquePointer?, _ chosen: UnsafeMutablePointer<UnsafePointer<UInt8>?>?,
    _ chosenLength: UnsafeMutablePointer<UInt8>?, _ offered: UnsafePointer<UInt8>?, _ length: UInt32,
    _ argument: UnsafeMutableRawPointer?
) -> Int32 {
    guard let argument = unsafe argument, let chosen = unsafe chosen, let chosenLength = unsafe chosenLength
    else { return SSL_TLSEXT_ERR_NOACK }
    let context = unsafe Unmanaged<ServerContext>.fromOpaque(argument).takeUnretainedValue()
    let list = unsafe UnsafeBufferPointer(start: offered, count: Int(length))
    // RFC 7301 §3.2: nothing in common is said, not guessed around.
    return unsafe context.choose(list, chosen, chosenLength) ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL
}

private func statusCallback(_ session: OpaquePointer?, _ argument: UnsafeMutableRawPointer?) -> Int32 {
    guard let session = unsafe session, let argument = unsafe argument else { return SSL_TLSEXT_ERR_NOACK }
    let context = unsafe Unmanaged<ServerContext>.fromOpaque(argument).takeUnretainedValue()
    guard let status = unsafe context.status(for: session),
        let memory = unsafe floodgate_allocate(status.count)
    else { return SSL_TLSEXT_ERR_NOACK }
    // The session frees it.
    unsafe memory.copyMemory(from: status, byteCount: status.count)
    unsafe floodgate_set_status(session, memory.assumingMemoryBound(to: UInt8.self), status.count)
    return SSL_TLSEXT_ERR_OK
}
