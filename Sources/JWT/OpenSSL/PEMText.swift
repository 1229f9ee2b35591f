import COpenSSL

/// The blocks of a PEM text (RFC 7468): label and content of each.
// SAFETY: the BIO reads the array while it is borrowed; what OpenSSL hands out is copied and freed at once.
struct PEMText {
    struct Block {
        let label: String
        let isEncrypted: Bool
        let content: [UInt8]
    }

    let blocks: [Block]

    /// Blocks that are read; a file of certificates may have a chain behind the first.
    private static let most = 16

    init(_ text: [UInt8]) {
        var found: [Block] = []
        unsafe text.withUnsafeBytes { region in
            guard let bio = unsafe BIO_new_mem_buf(region.baseAddress, Int32(clamping: region.count)) else {
                preconditionFailure("no memory to read PEM")
            }
            while found.count < Self.most, let block = unsafe Self.next(bio) { found.append(block) }
            unsafe BIO_free(bio)
        }
        ERR_clear_error()
        blocks = found
    }

    private static func next(_ bio: OpaquePointer) -> Block? {
        var name: UnsafeMutablePointer<CChar>?
        var header: UnsafeMutablePointer<CChar>?
        var data: UnsafeMutablePointer<UInt8>?
        var length = 0
        guard unsafe PEM_read_bio(bio, &name, &header, &data, &length) == 1,
            let name = unsafe name, let header = unsafe header, let data = unsafe data
        else { return nil }
        defer {
            unsafe floodgate_openssl_free(name)
            unsafe floodgate_openssl_free(header)
            unsafe floodgate_openssl_free(data)
        }
        return unsafe Block(
            label: String(cString: name), isEncrypted: header.pointee != 0,
            content: Array(UnsafeBufferPointer(start: data, count: length)))
    }
}
