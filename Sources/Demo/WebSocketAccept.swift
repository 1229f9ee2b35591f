import COpenSSL

/// The server's proof that it understood a WebSocket handshake (RFC 6455 §4.2.2).
// SAFETY: SHA1 reads `input.count` bytes and writes the 20 bytes of `digest`; both arrays outlive the call.
enum WebSocketAccept {
    static func value(for key: String) -> String {
        let input = Array((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").utf8)
        var digest = [UInt8](repeating: 0, count: 20)
        unsafe SHA1(input, input.count, &digest)
        return base64(digest)
    }

    /// RFC 4648 §4, with padding.
    static func base64(_ bytes: [UInt8]) -> String {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        var text: [UInt8] = []
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<min(start + 3, bytes.count)]
            let padded = Array(group) + [UInt8](repeating: 0, count: 3 - group.count)
            let bits = Int(padded[0]) << 16 | Int(padded[1]) << 8 | Int(padded[2])
            for position in 0..<4 {
                let isPadding = position > group.count
                text.append(isPadding ? UInt8(ascii: "=") : alphabet[bits >> (18 - position * 6) & 0x3F])
            }
        }
        return String(decoding: text, as: UTF8.self)
    }
}
