import Bytes
import JSON

/// A token taken apart, before anything of it is believed: the compact serialization (RFC 7515 §7.1) with its
/// header read and its signature decoded. The payload is left as it came until the signature is checked.
///
/// Lives as long as the token's bytes and the memory it was read into.
struct SignedToken {
    let algorithm: Algorithm
    let kid: ByteView?
    let type: ByteView?
    /// As base64url.
    let payload: ByteView
    let signature: ByteView
    /// What is signed: header and payload as they came, with the dot between them.
    let signingInput: ByteView

    /// Bytes of the longest signature: RSA with `VerificationKey.largestRSA` bits.
    static let longestSignature = VerificationKey.largestRSA / 8

    /// Bytes of memory that reading a token of `length` bytes takes.
    static func memory(for length: Int) -> Int { 2 * length + longestSignature + 64 }

    /// Reads a token with at most `longest` bytes; of a longer one nothing but its length is looked at.
    /// `memory` is where the header and the signature are decoded to.
    init(_ token: ByteView, longest: Int, memory: MutableByteView) throws(TokenError) {
        guard token.count <= longest else { throw .tooLong }
        guard let first = token.firstIndex(of: UInt8(ascii: ".")),
            let second = token.firstIndex(of: UInt8(ascii: "."), from: first &+ 1),
            token.firstIndex(of: UInt8(ascii: "."), from: second &+ 1) == nil
        else { throw .notCompact }
        payload = token.slice(first &+ 1, second)
        signingInput = token.prefix(second)

        var writer = ByteWriter(memory)
        guard Base64URL.decode(token.prefix(first), into: &writer) else { throw .badEncoding }
        let headerText = writer.view
        let header = try JOSEHeader(headerText)
        kid = try Self.value(header.kid, in: headerText, &writer)
        type = try Self.value(header.type, in: headerText, &writer)

        let encoded = token.dropFirst(second &+ 1)
        guard let length = Base64URL.decodedCount(encoded.count) else { throw .badEncoding }
        // No key has longer ones: a signature that is all of the token costs nothing.
        guard length <= Self.longestSignature else { throw .badSignature }
        let start = writer.count
        guard Base64URL.decode(encoded, into: &writer) else { throw .badEncoding }
        signature = writer.view.dropFirst(start)
        // Last, so that the reasons before it are told whatever the algorithm is.
        algorithm = try Self.algorithm(header, in: headerText)
    }

    /// The name has no escapes: nobody writes it so but to get around who reads headers by eye.
    private static func algorithm(
        _ header: JOSEHeader, in text: ByteView
    ) throws(TokenError) -> Algorithm {
        guard let name = header.algorithm.plainString(in: text), let algorithm = Algorithm(name) else {
            throw .unknownAlgorithm
        }
        return algorithm
    }

    /// The value of a string; one with escapes is written behind what was decoded.
    private static func value(
        _ element: JSONElement?, in text: ByteView, _ writer: inout ByteWriter
    ) throws(TokenError) -> ByteView? {
        guard let element else { return nil }
        if let plain = element.plainString(in: text) { return plain }
        let start = writer.count
        guard element.unescape(in: text, into: &writer) else { throw .badHeader }
        return writer.view.dropFirst(start)
    }
}
