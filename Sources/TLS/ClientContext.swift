import Bytes
import COpenSSL

/// What TLS to an upstream is made of.
package struct ClientMaterial: Equatable, Sendable {
    /// PEM of the authorities that are trusted; nil are the system's.
    package var authorities: [UInt8]?
    /// Whether certificates are verified. Off only where an operator says so.
    package var verifies = true
    /// The certificate and key to show, PEM.
    package var certificate: (chain: [UInt8], key: [UInt8])? {
        get { chain.isEmpty ? nil : (chain, key) }
        set { (chain, key) = newValue ?? ([], []) }
    }
    private var chain: [UInt8] = []
    private var key: [UInt8] = []
    package var minimum = TLSVersion.tls12
    package var applications: [ServerMaterial.Application] = [.http1]

    package init() {}
}

/// TLS to an upstream as one worker uses it.
// SAFETY: the context is freed in `deinit`; sessions hold references of their own.
@safe
package final class ClientContext: @unchecked Sendable {
    private let context: OpaquePointer
    private let verifies: Bool

    package init(_ material: ClientMaterial) throws(TLSFailure) {
        guard let context = unsafe SSL_CTX_new(TLS_client_method()) else {
            throw TLSFailure.last(otherwise: "no memory for TLS")
        }
        do throws(TLSFailure) {
            unsafe try ClientContext.configure(context, material)
        } catch {
            unsafe SSL_CTX_free(context)
            throw error
        }
        unsafe self.context = context
        verifies = material.verifies
    }

    deinit { unsafe SSL_CTX_free(context) }

    @unsafe
    private static func configure(_ context: OpaquePointer, _ material: ClientMaterial) throws(TLSFailure) {
        _ = unsafe SSL_CTX_set_options(context, floodgate_no_renegotiation | floodgate_no_compression)
        _ = unsafe floodgate_set_mode(
            context,
            Int(
                SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN))
        unsafe floodgate_set_read_ahead(context)
        guard unsafe floodgate_set_minimum(context, material.minimum.number) == 1 else {
            throw TLSFailure.last(otherwise: "TLS cannot be set up")
        }
        if let authorities = material.authorities {
            unsafe try PEM.trust(authorities, in: context)
        } else if unsafe SSL_CTX_set_default_verify_paths(context) != 1 {
            throw TLSFailure.last(otherwise: "the system's authorities cannot be read")
        }
        unsafe SSL_CTX_set_verify(context, material.verifies ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nil)
        if let certificate = material.certificate {
            unsafe try PEM.use(chain: certificate.chain, key: certificate.key, in: context)
        }
        let protocols: [UInt8] = material.applications.reduce(into: []) { bytes, application in
            bytes += application == .http2 ? [2] + Array("h2".utf8) : [8] + Array("http/1.1".utf8)
        }
        // Zero is success here, and only here.
        guard unsafe SSL_CTX_set_alpn_protos(context, protocols, UInt32(protocols.count)) == 0 else {
            throw TLSFailure.last(otherwise: "the protocols cannot be offered")
        }
    }

    /// A session for a connection to a server whose certificate must be for `name`: a host's name, or an
    /// address, which is not named to the server (RFC 6066 §3).
    package func makeSession(name: String, isAddress: Bool, _ wire: borrowing Wire) -> TLSSession {
        guard let session = unsafe SSL_new(context) else {
            preconditionFailure("no memory for a TLS session")
        }
        let bio = unsafe wire.makeBIO()
        unsafe SSL_set_bio(session, bio, bio)
        unsafe SSL_set_connect_state(session)
        if isAddress {
            _ = unsafe X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(session), name)
        } else {
            _ = unsafe floodgate_set_server_name(session, name)
            if verifies {
                // Names count where they are listed, never in a subject (RFC 9110 §4.3.4).
                unsafe SSL_set_hostflags(
                    session,
                    UInt32(X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT))
                _ = unsafe SSL_set1_host(session, name)
            }
        }
        return unsafe TLSSession(session: session)
    }
}
