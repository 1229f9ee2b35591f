import Bytes
import HTTPModel

/// What a request's X-Signature field says: `keyId=partner,ts=1795958614,nonce=b8f2…,sig=base64url`.
struct SignatureField {
    let keyID: ByteView
    /// Seconds since 1970.
    let time: Int64
    /// 16 to 64 letters, digits, `-` and `_`.
    let nonce: ByteView
    /// As the field has it: base64url of 32 bytes.
    let code: ByteView

    enum Found {
        case none
        case unreadable
        case one(SignatureField)
    }

    /// Bytes of a nonce.
    static let nonceLength = 16...64
    private static var name: ByteView { ByteView("x-signature") }

    /// The field of a request; two of them are none that could be read.
    static func find(_ head: borrowing RequestHead) -> Found {
        var found: ByteView?
        for index in 0..<head.fields.count where head.fields[index].name == .other {
            guard head.name(at: index).equalsIgnoringCase(name) else { continue }
            if found != nil { return .unreadable }
            found = head.value(at: index)
        }
        guard let found else { return .none }
        return SignatureField(found).map(Found.one) ?? .unreadable
    }

    /// Nil where a part is missing, stands twice, is unknown, or is not what it has to be.
    init?(_ text: ByteView) {
        var parts = InlineArray<4, ByteView?>(repeating: nil)
        var start = 0
        while start <= text.count {
            let end = text.firstIndex(of: UInt8(ascii: ","), from: start) ?? text.count
            let part = text.slice(start, end).trimmed()
            guard let equals = part.firstIndex(of: UInt8(ascii: "=")),
                let place = Self.place(part.prefix(equals)), parts[place] == nil
            else { return nil }
            parts[place] = part.dropFirst(equals + 1)
            start = end + 1
        }
        guard let keyID = parts[0], (1...64).contains(keyID.count), let digits = parts[1],
            digits.count <= 11, let time = digits.decimal(), let nonce = parts[2],
            Self.nonceLength.contains(nonce.count), Self.isPlain(nonce), let code = parts[3], code.count == 43
        else { return nil }
        self.keyID = keyID
        self.time = Int64(time)
        self.nonce = nonce
        self.code = code
    }

    private static func place(_ name: ByteView) -> Int? {
        if name.equals("keyId") { return 0 }
        if name.equals("ts") { return 1 }
        if name.equals("nonce") { return 2 }
        return name.equals("sig") ? 3 : nil
    }

    private static func isPlain(_ text: ByteView) -> Bool {
        for index in 0..<text.count {
            let byte = text[index]
            guard ASCII.isLetter(byte) || ASCII.isDigit(byte) || byte == 0x2D || byte == 0x5F else {
                return false
            }
        }
        return true
    }
}
