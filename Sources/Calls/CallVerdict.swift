/// What a request's calls came to.
package enum CallVerdict: Equatable, Sendable {
    /// So many calls, at least one: those with names and those without.
    case calls(Int)
    /// Nobody can say for sure what the backend would run. The request must be refused.
    case unreadable(CallFault)
    /// More calls than the limit.
    case tooMany
}

/// Why the calls of a request cannot be told, in words for its sender.
package enum CallFault: String, CaseIterable, Equatable, Sendable, CustomStringConvertible {
    /// A name that is too long, or of other bytes than names are made of.
    case name
    /// The body is not JSON as RFC 8259 has it, or not of the shape that the protocol has.
    case json
    /// The GraphQL document is not valid.
    case document
    /// Two backends would find different calls: a member twice, a document in the URL and in the body.
    case ambiguous
    /// A GraphQL document nested too deep, or of too many definitions.
    case tooComplex
    /// A document that is named and not sent.
    case persistedDocument
    /// A media type or a charset that is not read.
    case contentType
    /// A body that would have to be unpacked.
    case contentEncoding

    package var description: String {
        switch self {
        case .name: "the name of a call is too long or holds characters that names do not have"
        case .json: "the body is not valid JSON of the shape that the protocol has"
        case .document: "the GraphQL document is not valid"
        case .ambiguous: "what to call is said twice, or in two places"
        case .tooComplex: "the GraphQL document is nested too deep or has too many definitions"
        case .persistedDocument: "the GraphQL document must be sent, not only named"
        case .contentType: "the body must be of a JSON or GraphQL media type, in UTF-8"
        case .contentEncoding: "the body must not be compressed"
        }
    }
}

/// Reading ends here.
enum CallStop: Error {
    case fault(CallFault)
    case tooMany
}
