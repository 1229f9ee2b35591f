/// Why a chunked body is refused (RFC 9112 §7.1): 400 where it is a request's, 502 where it is an answer's.
/// The connection cannot be trusted any more.
package enum ChunkError: Error, Equatable, Sendable {
    case badSize, sizeTooLarge, badLineEnd, badExtension, extensionsTooLong, missingChunkEnd
    case trailersTooLarge, tooManyTrailers
    case badTrailer(HeadError)
}
