import Bytes
import HTTPModel

/// What Content-Length and Transfer-Encoding of a head say together (RFC 9112 §6).
enum MessageFraming {
    /// The framing that the fields declare, nil where they declare none. A Content-Length of zero is no body.
    static func declared(
        _ bytes: ByteView, _ fields: FieldTable, minorVersion: Int
    ) throws(HeadError) -> BodyFraming? {
        if let index = fields.firstIndex(of: .transferEncoding) {
            if fields.contains(.contentLength) { throw .contentLengthWithTransferEncoding }
            if minorVersion == 0 { throw .transferEncodingInHTTP10 }
            // Exactly one coding: every other list is read differently by somebody.
            guard fields.value(at: index, in: bytes).equalsIgnoringCase("chunked") else { throw .invalidTransferEncoding }
            return .chunked
        }
        guard let index = fields.firstIndex(of: .contentLength) else { return nil }
        guard let length = fields.value(at: index, in: bytes).decimal() else { throw .invalidContentLength }
        return length == 0 ? BodyFraming.none : .length(length)
    }
}
