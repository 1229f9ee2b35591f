import Bytes

/// What of one request is looked at for its calls. Nothing of it is kept.
package struct CallSource {
    /// What of the normalised path stands behind the route's fixed part and its slash: `a,b` of
    /// `/api/trpc/a,b` on the route `/api/trpc/*`. tRPC alone looks at it.
    package var rest: ByteView
    /// The query as it came, without the question mark.
    package var query: ByteView?
    /// Value of `Content-Type`.
    package var contentType: ByteView?
    /// Value of `Content-Encoding`.
    package var contentEncoding: ByteView?
    /// The whole body; its length is bounded by the caller.
    package var body: ByteView

    package init(
        rest: ByteView = .empty, query: ByteView? = nil, contentType: ByteView? = nil,
        contentEncoding: ByteView? = nil, body: ByteView = .empty
    ) {
        self.rest = rest
        self.query = query
        self.contentType = contentType
        self.contentEncoding = contentEncoding
        self.body = body
    }
}

/// What a request may hold at most, and what is made of what it only names.
package struct CallLimits: Equatable, Sendable {
    /// Calls in all, 1 to `CallReader.mostCalls`.
    package var calls: Int
    package var persistedDocuments: PersistedDocuments

    package init(calls: Int = 50, persistedDocuments: PersistedDocuments = .refused) {
        precondition(calls >= 1 && calls <= CallReader.mostCalls, "limit of calls out of bounds")
        self.calls = calls
        self.persistedDocuments = persistedDocuments
    }
}

/// GraphQL requests that name a document, by its hash or an identifier, instead of carrying it: nobody but
/// the backend can say what they call.
package enum PersistedDocuments: String, CaseIterable, Sendable {
    /// Unreadable. Where clients register documents themselves (Apollo's automatic persisted queries) they
    /// choose the name of the operation, and one name could stand for a hundred calls.
    case refused
    /// The backend runs documents of the operator's own list and no others: a request is one call, and its
    /// `operationName` names it.
    case trusted
}
