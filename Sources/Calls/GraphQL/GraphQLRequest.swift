import Bytes
import JSON

/// What one GraphQL request says, in the writing in which it came.
struct GraphQLRequest {
    /// The document, unless it is empty.
    private(set) var document: SpelledText?
    private(set) var operationName: SpelledText?
    /// The URL and the body both name an operation: servers differ in which they take.
    private(set) var hasTwoOperationNames = false
    /// Something is said by which a server may find a document.
    private(set) var namesDocument = false
    /// Two documents, or one and the name of another.
    private(set) var isAmbiguous = false

    private var hasQuery = false
    private var hasOperationName = false
    /// A document is named by a member that means nothing else.
    private var hasIdentifier = false

    init() {}

    init(document: ByteView) { self.document = .plain(document) }

    /// Reads an object's members.
    init(
        _ members: inout JSONMembers, in body: ByteView, _ spelling: borrowing Spelling
    ) throws(CallStop) {
        while let member = try members.nextMember() {
            guard let key = spelling.key(member.name, in: body) else { continue }
            let value = member.value
            if key.equals("query") || key.equals("operationname") {
                guard value.kind == .string || value.kind == .null else { throw .fault(.json) }
            }
            let isEmpty = value.kind == .null || value.raw(in: body).equals("\"\"")
            try take(key, .json(value, in: body), isEmpty: isEmpty)
        }
    }

    /// Reads a query, or a body that is a form.
    init(form: ByteView, _ spelling: borrowing Spelling) throws(CallStop) {
        var fields = FormFields(form)
        while let field = fields.next() {
            guard let key = spelling.key(field: field.name) else { continue }
            try take(key, .form(field.value), isEmpty: field.value.isEmpty)
        }
        guard fields.hasSemicolon, document != nil || namesDocument else { return }
        throw .fault(.ambiguous)
    }

    private mutating func take(
        _ key: ByteView, _ value: SpelledText, isEmpty: Bool
    ) throws(CallStop) {
        if key.equals("query") {
            // Servers take the first or the last.
            guard !hasQuery else { throw .fault(.ambiguous) }
            hasQuery = true
            if !isEmpty { document = value }
        } else if key.equals("operationname") {
            guard !hasOperationName else { throw .fault(.ambiguous) }
            hasOperationName = true
            guard !isEmpty else { return }
            (operationName, namesDocument) = (value, true)
        } else if key.equals("documentid") || key.equals("doc_id") || key.equals("queryid") {
            guard !isEmpty else { return }
            (hasIdentifier, namesDocument) = (true, true)
        } else if key.equals("extensions") || key.equals("id") || key.equals("hash") {
            guard !isEmpty else { return }
            namesDocument = true
        }
    }

    /// This body's request with what the URL says.
    func joined(_ url: GraphQLRequest) -> GraphQLRequest {
        var joined = self
        joined.document = document ?? url.document
        joined.operationName = operationName ?? url.operationName
        joined.hasTwoOperationNames = operationName != nil && url.operationName != nil
        joined.namesDocument = namesDocument || url.namesDocument
        let identifies = hasIdentifier || url.hasIdentifier
        joined.isAmbiguous = document != nil && url.document != nil || joined.document != nil && identifies
        return joined
    }
}
