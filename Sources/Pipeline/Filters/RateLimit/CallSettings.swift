import Calls
import Settings

/// Requests that carry several calls: how they are told apart, and how much of them is looked at.
package struct CallSettings: Equatable, Sendable {
    package var kind = CallKind.trpc
    /// Calls of one request, at most.
    package var max = 50
    /// Bytes of a body that is held to be looked at.
    package var maxBody = 256 << 10
    /// GraphQL requests that name a document instead of carrying it.
    package var persistedDocuments = PersistedDocuments.refused

    package init() {}
}

extension CallSettings {
    package static let section = Section(
        "Requests that carry several calls, each counted by the limits of the route that leads to it alone.",
        initial: CallSettings(),
        fields: [
            Field(
                "kind", \.kind, .choice, .required, reload: .live,
                "tRPC batches, GraphQL root fields or JSON-RPC methods; a call's path ends with its name.",
                example: "trpc"),
            Field(
                "max", \.max, .count(1...CallReader.mostCalls), reload: .live,
                "Calls of one request; then 413.", example: "20"),
            Field(
                "max_body", \.maxBody, .bytes(1024...(16 << 20)), reload: .live,
                "Bytes of a body that is held and looked at, by graphql and jsonrpc; then 413.",
                example: "64KiB"),
            Field(
                "persisted_documents", \.persistedDocuments, .choice, reload: .live,
                "GraphQL requests that name a document by its hash: refused, or trusted to be one call.",
                example: "trusted"),
        ])

    /// The section, or its `kind` alone.
    package static var kind: Kind<CallSettings> {
        let whole = section.kind()
        let word = Kind<CallKind>.choice
        return Kind(
            words: "\(word.words), or a map of keys",
            schema: .object([("anyOf", .array([word.schema, whole.schema]))]),
            shape: whole.shape,
            read: { node, reader in
                guard case .scalar = node.content, !node.isNull else { return whole.read(node, &reader) }
                return word.read(node, &reader).map { kind in
                    var settings = CallSettings()
                    settings.kind = kind
                    return settings
                }
            },
            write: { _ in nil })
    }
}
