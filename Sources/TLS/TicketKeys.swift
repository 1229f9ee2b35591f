import COpenSSL
import Synchronization

/// Keys that session tickets are sealed with (RFC 5077 §4), one set for all workers and listeners of the
/// process, kept across reloads: a client resumes wherever its next connection lands.
///
/// Keys come from a file, shared with other gateways, or are made by the process and replaced every
/// `lifetime`; the one before stays good for opening, so that a ticket lives at least that long.
// SAFETY: the buffers handed to OpenSSL are arrays borrowed for the length of a call; the contexts are
// OpenSSL's for the length of the callback.
package final class TicketKeys: Sendable {
    package struct Key: Equatable, Sendable {
        /// 16 bytes by which a ticket names its key.
        let name: [UInt8]
        let cipherKey: [UInt8]
        let macKey: [UInt8]

        /// 80 bytes: name, then HMAC key, then AES key, as `openssl rand 80` makes them and other servers
        /// read them. 48 bytes: the same with keys of 16 bytes.
        package init?(bytes: [UInt8]) {
            switch bytes.count {
            case 80:
                name = Array(bytes[0..<16])
                macKey = Array(bytes[16..<48])
                cipherKey = Array(bytes[48..<80])
            case 48:
                name = Array(bytes[0..<16])
                cipherKey = Array(bytes[16..<32])
                macKey = Array(bytes[32..<48])
            default: return nil
            }
        }

        static func random() -> Key {
            var bytes = [UInt8](repeating: 0, count: 80)
            let made = unsafe bytes.withUnsafeMutableBufferPointer { unsafe RAND_bytes($0.baseAddress, 80) }
            guard made == 1, let key = Key(bytes: bytes) else { preconditionFailure("no randomness") }
            return key
        }
    }

    /// How long a key made by the process seals tickets; it opens them for as long again.
    package static let lifetime = Duration.seconds(12 * 3600)

    private struct Ring {
        /// The first seals; all of them open.
        var keys: [Key]
        var isShared = false
    }

    private let ring: Mutex<Ring>

    package init() { ring = Mutex(Ring(keys: [.random()])) }

    /// Takes keys from a file: the first seals. An empty list goes back to keys of the process' own.
    package func use(_ keys: [Key]) {
        ring.withLock { ring in
            if keys.isEmpty {
                if ring.isShared { ring = Ring(keys: [.random()]) }
            } else {
                ring = Ring(keys: keys, isShared: true)
            }
        }
    }

    /// Replaces the key that seals, where it is the process' own.
    package func rotate() {
        ring.withLock { ring in
            guard !ring.isShared else { return }
            ring.keys = [.random()] + ring.keys.prefix(1)
        }
    }

    fileprivate var sealing: Key? { ring.withLock { $0.keys.first } }

    /// The key of that name, and whether a new ticket should be sealed with another one.
    fileprivate func find(_ matches: (Key) -> Bool) -> (key: Key, isOld: Bool)? {
        ring.withLock { ring in
            ring.keys.firstIndex(where: matches).map { (ring.keys[$0], $0 > 0) }
        }
    }
}

/// Seals or opens a ticket: 1 done, 2 done and due to be renewed, 0 no such key, -1 an error
/// (SSL_CTX_set_tlsext_ticket_key_evp_cb).
func ticketCallback(
    _ session: OpaquePointer?, _ name: UnsafeMutablePointer<UInt8>?, _ vector: UnsafeMutablePointer<UInt8>?,
    _ cipher: OpaquePointer?, _ mac: OpaquePointer?, _ seals: Int32
) -> Int32 {
    guard let session = unsafe session, let name = unsafe name, let vector = unsafe vector,
        let context = unsafe SSL_get_SSL_CTX(session), let data = unsafe floodgate_context_data(context)
    else { return -1 }
    let ring = unsafe Unmanaged<TicketKeys>.fromOpaque(data).takeUnretainedValue()
    if seals == 1 {
        guard let key = ring.sealing, unsafe RAND_bytes(vector, 16) == 1 else { return -1 }
        for index in 0..<16 { unsafe name[index] = key.name[index] }
        return unsafe prepare(key, vector, cipher, mac, seals) ? 1 : -1
    }
    guard let found = ring.find({ key in (0..<16).allSatisfy { unsafe name[$0] == key.name[$0] } }) else {
        return 0
    }
    guard unsafe prepare(found.key, vector, cipher, mac, seals) else { return -1 }
    // A TLS 1.3 ticket is used once: each connection brings a new one whatever this says.
    return found.isOld ? 2 : 1
}

@unsafe
private func prepare(
    _ key: TicketKeys.Key, _ vector: UnsafeMutablePointer<UInt8>, _ cipher: OpaquePointer?,
    _ mac: OpaquePointer?, _ seals: Int32
) -> Bool {
    let algorithm = unsafe key.cipherKey.count == 32 ? EVP_aes_256_cbc() : EVP_aes_128_cbc()
    guard unsafe EVP_CipherInit_ex(cipher, algorithm, nil, key.cipherKey, vector, seals) == 1 else {
        return false
    }
    return unsafe floodgate_set_hmac(mac, key.macKey, key.macKey.count) == 1
}
