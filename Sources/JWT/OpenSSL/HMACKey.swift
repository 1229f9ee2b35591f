import Bytes
import COpenSSL

/// A secret for HMAC (RFC 2104), taken in already: the hash's state behind the inner and the outer pad, which
/// a verification goes on from. The states are plain memory and copied on the stack: half the time of
/// OpenSSL's `EVP_MAC_CTX_dup`, which allocates.
// SAFETY: the object alone owns `states`, which is written in `init` only and wiped in `deinit`; any thread
// may read it. Views are read for the length of a call.
@safe
final class HMACKey: @unchecked Sendable {
    let algorithm: Algorithm
    /// Two states, for which a SHA-512's is large enough: inner and outer.
    private let states: UnsafeMutablePointer<SHA512_CTX>

    private static let size = MemoryLayout<SHA512_CTX>.size * 2

    /// A secret of any length; whether it is long enough was asked before.
    init(_ secret: [UInt8], _ algorithm: Algorithm) {
        self.algorithm = algorithm
        unsafe states = .allocate(capacity: 2)
        unsafe states.initialize(repeating: SHA512_CTX(), count: 2)
        let blockLength = algorithm == .hs256 ? 64 : 128
        var key = secret
        if key.count > blockLength { key = Self.digest(key, algorithm) }
        key += [UInt8](repeating: 0, count: blockLength - key.count)
        for index in 0..<2 {
            var pad = key.map { $0 ^ (index == 0 ? 0x36 : 0x5C) }
            unsafe Self.begin(states + index, algorithm)
            unsafe pad.withUnsafeBytes { unsafe Self.add($0, to: states + index, algorithm) }
            unsafe pad.withUnsafeMutableBytes { unsafe OPENSSL_cleanse($0.baseAddress, $0.count) }
        }
        unsafe key.withUnsafeMutableBytes { unsafe OPENSSL_cleanse($0.baseAddress, $0.count) }
    }

    private init(copying other: HMACKey) {
        algorithm = other.algorithm
        unsafe states = .allocate(capacity: 2)
        unsafe states.initialize(from: other.states, count: 2)
    }

    deinit {
        unsafe OPENSSL_cleanse(states, Self.size)
        unsafe states.deallocate()
    }

    func copy() -> HMACKey { HMACKey(copying: self) }

    /// Whether the message has this code. How long it takes says nothing about where codes differ.
    func matches(_ code: ByteView, of message: ByteView) -> Bool {
        guard let length = algorithm.hash?.length, code.count == length else { return false }
        return unsafe withUnsafeTemporaryAllocation(byteCount: 64, alignment: 16) { region in
            guard let digest = unsafe region.baseAddress?.assumingMemoryBound(to: UInt8.self) else {
                return false
            }
            let bytes = unsafe UnsafeRawBufferPointer(start: message.start, count: message.count)
            unsafe finish(states[0], bytes, digest)
            unsafe finish(states[1], UnsafeRawBufferPointer(start: digest, count: length), digest)
            return unsafe CRYPTO_memcmp(digest, code.start, length) == 0
        }
    }

    /// Goes on from a copy of `state`. `digest` may be where the bytes are.
    private func finish(
        _ state: SHA512_CTX, _ bytes: UnsafeRawBufferPointer, _ digest: UnsafeMutablePointer<UInt8>
    ) {
        var state = state
        unsafe Self.add(bytes, to: &state, algorithm)
        unsafe Self.end(&state, digest, algorithm)
    }

    private static func digest(_ bytes: [UInt8], _ algorithm: Algorithm) -> [UInt8] {
        var state = SHA512_CTX()
        var digest = [UInt8](repeating: 0, count: 64)
        unsafe begin(&state, algorithm)
        unsafe bytes.withUnsafeBytes { unsafe add($0, to: &state, algorithm) }
        unsafe end(&state, &digest, algorithm)
        return Array(digest.prefix(algorithm.hash?.length ?? 0))
    }

    private static func begin(_ state: UnsafeMutablePointer<SHA512_CTX>, _ algorithm: Algorithm) {
        switch algorithm {
        case .hs256: unsafe short(state) { unsafe floodgate_sha256_begin($0) }
        case .hs384: unsafe floodgate_sha384_begin(state)
        default: unsafe floodgate_sha512_begin(state)
        }
    }

    private static func add(
        _ bytes: UnsafeRawBufferPointer, to state: UnsafeMutablePointer<SHA512_CTX>, _ algorithm: Algorithm
    ) {
        if algorithm == .hs256 {
            unsafe short(state) { unsafe floodgate_sha256_add($0, bytes.baseAddress, bytes.count) }
        } else {
            unsafe floodgate_sha512_add(state, bytes.baseAddress, bytes.count)
        }
    }

    private static func end(
        _ state: UnsafeMutablePointer<SHA512_CTX>, _ digest: UnsafeMutablePointer<UInt8>,
        _ algorithm: Algorithm
    ) {
        if algorithm == .hs256 {
            unsafe short(state) { unsafe floodgate_sha256_end($0, digest) }
        } else {
            unsafe floodgate_sha512_end(state, digest)
        }
    }

    /// The same memory as the state of SHA-256, which is smaller.
    private static func short(
        _ state: UnsafeMutablePointer<SHA512_CTX>, _ body: (UnsafeMutablePointer<SHA256_CTX>) -> Void
    ) {
        unsafe UnsafeMutableRawPointer(state).withMemoryRebound(to: SHA256_CTX.self, capacity: 1, body)
    }
}
