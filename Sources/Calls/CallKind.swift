/// A protocol that puts several calls into one HTTP request.
package enum CallKind: String, CaseIterable, Sendable {
    /// tRPC: the names stand in the path, `/api/trpc/user.byID,post.list?batch=1`.
    case trpc
    /// GraphQL over HTTP: each root field of the operation that runs is a call.
    case graphql
    /// JSON-RPC 2.0: one request or an array of them, named by `method`.
    case jsonrpc

    /// Whether the body says which calls there are: it must be there whole before it can be read.
    package var readsBody: Bool {
        switch self {
        case .trpc: false
        case .graphql, .jsonrpc: true
        }
    }
}
