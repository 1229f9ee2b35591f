import COpenSSL

/// What OpenSSL writes to, in memory.
// SAFETY: owns `pointer` and frees it in `deinit`; it never leaves the function that made it.
@safe
struct MemoryOutput: ~Copyable {
    /// `BIO *`.
    @unsafe let pointer: OpaquePointer

    init?() {
        guard let output = unsafe BIO_new(BIO_s_mem()) else { return nil }
        unsafe pointer = output
    }

    deinit { _ = unsafe BIO_free(pointer) }

    /// What was written since the last time.
    func bytes() -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: unsafe BIO_ctrl_pending(pointer))
        let count = unsafe bytes.withUnsafeMutableBytes { region in
            unsafe BIO_read(pointer, region.baseAddress, Int32(region.count))
        }
        return Array(bytes.prefix(max(0, Int(count))))
    }
}

extension AuthorityError {
    /// What OpenSSL says about its last failure on this thread, which is forgotten with it.
    static func openSSL(_ step: String) -> AuthorityError {
        defer { ERR_clear_error() }
        let reason = unsafe ERR_reason_error_string(ERR_peek_last_error()).map { unsafe String(cString: $0) }
        return .cannotMake(step: step, reason: reason ?? "OpenSSL gives no reason")
    }
}
