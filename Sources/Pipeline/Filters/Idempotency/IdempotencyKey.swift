import Bytes
import HTTPModel

/// The Idempotency-Key field of a request (draft-ietf-httpapi-idempotency-key-header-07 §2.1).
package enum IdempotencyKey {
    /// Bytes of a key, at most.
    package static let longest = 255

    package enum Reading: Equatable {
        case none
        case key([UInt8])
        /// No string, too long, or more than one.
        case malformed
    }

    package static func read(_ head: borrowing RequestHead) -> Reading {
        var reading = Reading.none
        for index in 0..<head.fields.count where head.fields[index].name == .other {
            guard head.name(at: index).equalsIgnoringCase("idempotency-key") else { continue }
            guard reading == .none else { return .malformed }
            reading = read(head.value(at: index))
        }
        return reading
    }

    /// A string in quotes (RFC 9651 §3.3.3), or what many clients send: the bare characters of one.
    static func read(_ value: ByteView) -> Reading {
        guard !value.isEmpty, value.count <= 2 * longest + 2 else { return .malformed }
        let key = value[0] == 0x22 ? quoted(value) : bare(value)
        guard let key, !key.isEmpty, key.count <= longest else { return .malformed }
        return .key(key)
    }

    private static func quoted(_ value: ByteView) -> [UInt8]? {
        var key: [UInt8] = []
        var index = 1
        while index < value.count {
            let byte = value[index]
            index += 1
            switch byte {
            case 0x22: return index == value.count ? key : nil
            case 0x5C:
                guard index < value.count, value[index] == 0x22 || value[index] == 0x5C else { return nil }
                key.append(value[index])
                index += 1
            case 0x20...0x7E: key.append(byte)
            default: return nil
            }
        }
        return nil
    }

    /// Tokens, and what encodings of random bytes have besides.
    private static func bare(_ value: ByteView) -> [UInt8]? {
        for index in 0..<value.count {
            let byte = value[index]
            guard ASCII.isToken(byte) || byte == 0x3A || byte == 0x2F || byte == 0x3D else { return nil }
        }
        return value.array()
    }
}
