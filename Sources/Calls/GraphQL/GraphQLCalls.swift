import Bytes
import JSON

extension CallReader {
    /// GraphQL over HTTP: a document in the URL, in a form, in JSON (one object or an array of them), or the
    /// body itself. Files that come along (multipart) are not read. A request without any document is one
    /// call without a name: the backend shows its page.
    mutating func readGraphQL(
        _ source: CallSource, _ persisted: PersistedDocuments
    ) throws(CallStop) {
        let url = try GraphQLRequest(form: source.query ?? .empty, spelling)
        guard !source.body.isEmpty else {
            return try count(GraphQLRequest().joined(url), persisted, isExpected: false)
        }
        switch try source.mediaType() {
        case .graphql:
            try count(GraphQLRequest(document: source.body).joined(url), persisted)
        case .form:
            try count(try GraphQLRequest(form: source.body, spelling).joined(url), persisted)
        case .json:
            guard source.body.isJSONArray else {
                var members = try source.body.jsonMembers()
                let request = try GraphQLRequest(&members, in: source.body, spelling)
                return try count(request.joined(url), persisted)
            }
            var items = try source.body.jsonItems()
            while let item = try items.nextItem() {
                guard var members = JSONMembers(of: item, in: source.body) else { throw .fault(.json) }
                let request = try GraphQLRequest(&members, in: source.body, spelling)
                try count(request.joined(url), persisted)
            }
            if calls.total == 0 { try calls.addUnnamed() }
        case .other: throw .fault(.contentType)
        }
    }

    private mutating func count(
        _ request: GraphQLRequest, _ persisted: PersistedDocuments, isExpected: Bool = true
    ) throws(CallStop) {
        guard !request.isAmbiguous else { throw .fault(.ambiguous) }
        guard let spelled = request.document else {
            guard isExpected || request.namesDocument else { return try calls.addUnnamed() }
            guard persisted == .trusted else { throw .fault(.persistedDocument) }
            guard !request.hasTwoOperationNames else { throw .fault(.ambiguous) }
            guard let spelled = request.operationName, let name = spelling.word(spelled),
                CallName.isSegment(name)
            else { return try calls.addUnnamed() }
            return try calls.add(name)
        }
        guard let text = spelling.text(spelled) else { throw .fault(.document) }
        try document.count(text, selection(request), into: &calls)
    }

    private func selection(_ request: GraphQLRequest) -> GraphQLSelection {
        guard !request.hasTwoOperationNames else { return .unclear }
        guard let spelled = request.operationName else { return .only }
        guard let name = spelling.word(spelled) else { return .unclear }
        return .named(name)
    }
}
