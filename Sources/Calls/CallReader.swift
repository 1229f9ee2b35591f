import Bytes

/// Finds out which calls one request carries, so that each can be counted against the limits of its own
/// route. It would rather refuse than count something else than the backend may run: wherever servers are
/// known to read a request in two ways, it is unreadable.
///
/// One per worker. Its memory is kept from request to request: about 130 KiB, and as much as the longest
/// document that had escapes. Work grows with the length of what is read and with nothing else.
package struct CallReader: ~Copyable {
    /// Calls that one request may be allowed.
    package static let mostCalls = 256
    /// Bytes that the name of a call may have.
    package static let longestName = 128

    var calls = CallList()
    var spelling = Spelling()
    var document = GraphQLDocument()

    package init() {}

    /// Reads a request. What the one before had is forgotten.
    package mutating func read(
        _ kind: CallKind, _ source: CallSource, limits: CallLimits = CallLimits()
    ) -> CallVerdict {
        calls.removeAll(limit: limits.calls)
        document.tokensRead = 0
        do throws(CallStop) {
            switch kind {
            case .trpc: try readTRPC(source.rest)
            case .graphql: try readGraphQL(source, limits.persistedDocuments)
            case .jsonrpc: try readJSONRPC(source)
            }
            return .calls(calls.total)
        } catch {
            calls.removeAll()
            return switch error {
            case .fault(let fault): .unreadable(fault)
            case .tooMany: .tooMany
            }
        }
    }

    /// Distinct names of the last request's calls; none unless they could be told.
    package var count: Int { calls.count }

    package subscript(index: Int) -> Call { calls[index] }

    /// Calls without a name of their own: they count as calls of the request's own route.
    package var unnamed: Int { calls.unnamed }

    /// Tokens of GraphQL documents that the last request took: what its cost is measured by.
    package var tokensRead: Int { document.tokensRead }
}
