/// Why a chunked body is refused (RFC 9112 §7.1). The connection cannot be trusted any more.
package enum ChunkError: Error, Equatable, Sendable {
    case badSize, sizeTooLarge, badLineEnd, badExtension, extensionsTooLong, missingChunkEnd
    case trailersTooLarge, tooManyTrailers
    case badTrailer(HeadError)

    /// The status of the answer, where the body is a request's.
    package var status: Int {
        switch self {
        case .badSize, .badLineEnd, .badExtension, .extensionsTooLong, .missingChunkEnd, .badTrailer: 400
        case .sizeTooLarge: 413
        case .trailersTooLarge, .tooManyTrailers: 431
        }
    }

    package var detail: StaticString {
        switch self {
        case .badSize: "A chunk size is not a hexadecimal number."
        case .sizeTooLarge: "A chunk size has too many digits."
        case .badLineEnd: "A line between chunks does not end with CRLF."
        case .badExtension: "A chunk extension holds a control character."
        case .extensionsTooLong: "The chunk extensions are too long."
        case .missingChunkEnd: "A chunk is not followed by CRLF."
        case .trailersTooLarge: "The trailer section is too large."
        case .tooManyTrailers: "The trailer section has too many fields."
        case .badTrailer(let error): error.detail
        }
    }
}
