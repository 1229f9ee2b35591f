import Bytes
import HTTPModel

/// The fields of a head that decide about the message itself, noted while its lines are read, so that nothing
/// has to be looked up in the table again.
struct HeadNotes {
    var host: Field?
    var contentLength: Field?
    var transferEncoding: Field?
    var expect: Field?
    /// All `Connection` lines together.
    var connection: ConnectionOptions?

    @inline(__always)
    mutating func note(_ field: Field, _ bytes: ByteView) throws(HeadError) {
        switch field.name {
        case .host: host = field
        case .contentLength: contentLength = field
        case .transferEncoding: transferEncoding = field
        case .expect: expect = field
        case .connection:
            var options = connection ?? ConnectionOptions()
            guard options.add(field.value(in: bytes)) else { throw .tooManyConnectionOptions }
            connection = options
        default: break
        }
    }

    /// The body that Content-Length and Transfer-Encoding declare together (RFC 9112 §6), nil where they
    /// declare none. A Content-Length of zero is no body.
    @inline(__always)
    func framing(_ bytes: ByteView, minorVersion: Int) throws(HeadError) -> BodyFraming? {
        if let transferEncoding {
            if contentLength != nil { throw .contentLengthWithTransferEncoding }
            if minorVersion == 0 { throw .transferEncodingInHTTP10 }
            // Exactly one coding: every other list is read differently by somebody.
            guard transferEncoding.value(in: bytes).equalsIgnoringCase("chunked") else {
                throw .invalidTransferEncoding
            }
            return .chunked
        }
        guard let contentLength else { return nil }
        guard let length = contentLength.value(in: bytes).decimal() else { throw .invalidContentLength }
        return length == 0 ? BodyFraming.none : .length(length)
    }

    /// Whether the sender lets the connection stay open (RFC 9112 §9.3).
    @inline(__always)
    func keepAlive(minorVersion: Int) -> Bool {
        guard let connection else { return minorVersion >= 1 }
        return !connection.close && (minorVersion >= 1 || connection.keepAlive)
    }
}

extension Field {
    /// The value of the line in a head whose bytes are `bytes`.
    @inline(__always)
    func value(in bytes: ByteView) -> ByteView {
        bytes.slice(Int(valueStart), Int(valueStart) &+ Int(valueLength))
    }
}
