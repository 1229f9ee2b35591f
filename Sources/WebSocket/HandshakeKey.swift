import Bytes

/// The proof that whoever answers a WebSocket handshake has understood it (RFC 6455 §4.1, §4.2.2): the
/// client sends a random key, the server answers with a digest of it. It keeps nothing secret.
package struct HandshakeKey: Sendable {
    /// Sec-WebSocket-Key: 16 bytes in base64.
    package let text: InlineArray<24, UInt8>

    /// - Parameter random: chosen anew for each connection.
    package init(random: InlineArray<16, UInt8>) { text = Base64.encoded(random) }

    /// What a client sent; nil where it is not 16 bytes in base64.
    package init?(_ value: ByteView) {
        guard value.count == 24 else { return nil }
        var text = InlineArray<24, UInt8>(repeating: UInt8(ascii: "="))
        for index in 0..<22 {
            guard Base64.isCharacter(value[index]) else { return nil }
            text[index] = value[index]
        }
        guard value[22] == UInt8(ascii: "="), value[23] == UInt8(ascii: "=") else { return nil }
        self.text = text
    }

    /// Sec-WebSocket-Accept: base64 of the SHA-1 of the key's text and a fixed identifier.
    package var accept: InlineArray<28, UInt8> {
        let identifier = ByteView("258EAFA5-E914-47DA-95CA-C5AB0DC85B11")
        var message = InlineArray<60, UInt8>(repeating: 0)
        for index in 0..<24 { message[index] = text[index] }
        for index in 0..<36 { message[24 &+ index] = identifier[index] }
        return Base64.encoded(SHA1.digest(message.span))
    }

    /// Whether a server's Sec-WebSocket-Accept is the answer to this key.
    package func isAnswered(by value: ByteView) -> Bool {
        guard value.count == 28 else { return false }
        let accept = accept
        for index in 0..<28 where value[index] != accept[index] { return false }
        return true
    }
}

extension ByteWriter {
    package mutating func write(_ key: HandshakeKey) {
        for index in 0..<24 { write(key.text[index]) }
    }

    package mutating func write(acceptOf key: HandshakeKey) {
        let accept = key.accept
        for index in 0..<28 { write(accept[index]) }
    }
}

/// RFC 4648 §4, with padding.
enum Base64 {
    static func isCharacter(_ byte: UInt8) -> Bool {
        ASCII.isLetter(byte) || ASCII.isDigit(byte) || byte == UInt8(ascii: "+") || byte == UInt8(ascii: "/")
    }

    /// The text of `bytes`; `output` is the length that this many bytes take.
    static func encoded<let input: Int, let output: Int>(
        _ bytes: InlineArray<input, UInt8>
    ) -> InlineArray<output, UInt8> {
        precondition(output == (input + 2) / 3 * 4, "\(input) bytes are not \(output) characters")
        let alphabet = ByteView("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
        var text = InlineArray<output, UInt8>(repeating: UInt8(ascii: "="))
        for place in 0..<(input * 8 + 5) / 6 {
            let bit = place * 6
            let first = UInt16(bytes[bit / 8])
            let second = bit / 8 + 1 < input ? UInt16(bytes[bit / 8 + 1]) : 0
            let pair = first << 8 | second
            text[place] = alphabet[Int(pair >> UInt16(10 - bit % 8) & 0x3F)]
        }
        return text
    }
}
