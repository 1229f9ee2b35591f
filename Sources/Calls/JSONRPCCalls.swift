import Bytes
import JSON

extension CallReader {
    /// JSON-RPC 2.0: one request object or an array of them. Notifications are calls, and so is what the
    /// server answers with an error. The media type does not matter, for most servers do not look at it.
    mutating func readJSONRPC(_ source: CallSource) throws(CallStop) {
        _ = try source.mediaType()
        let body = source.body
        let queried = try method(inQuery: source.query ?? .empty)
        guard !body.isEmpty else {
            guard let queried else { return try calls.addUnnamed() }
            return try addMethod(.form(queried))
        }
        guard queried == nil else { throw .fault(.ambiguous) }
        guard body.isJSONArray else {
            var members = try body.jsonMembers()
            return try readRequest(&members, in: body)
        }
        var items = try body.jsonItems()
        while let item = try items.nextItem() {
            // Some servers would run a batch inside of a batch.
            guard item.kind != .array else { throw .fault(.json) }
            if var members = JSONMembers(of: item, in: body) {
                try readRequest(&members, in: body)
            } else {
                // Answered with an error; the others are run (§6).
                try calls.addUnnamed()
            }
        }
        // An empty array is answered with one error.
        if calls.total == 0 { try calls.addUnnamed() }
    }

    private mutating func readRequest(_ members: inout JSONMembers, in body: ByteView) throws(CallStop) {
        var method: JSONElement?
        while let member = try members.nextMember() {
            guard let key = spelling.key(member.name, in: body), key.equals("method") else { continue }
            guard method == nil else { throw .fault(.ambiguous) }
            method = member.value
        }
        guard let method, method.kind != .null else { return try calls.addUnnamed() }
        // Some languages make a name of anything: `["login"]` is `login` to them.
        guard method.kind == .string else { throw .fault(.name) }
        try addMethod(.json(method, in: body))
    }

    private mutating func addMethod(_ spelled: SpelledText) throws(CallStop) {
        guard let name = spelling.word(spelled) else { throw .fault(.name) }
        guard !name.isEmpty else { return try calls.addUnnamed() }
        guard CallName.isPath(name) else { throw .fault(.name) }
        try calls.add(name)
    }

    /// Some servers take a request out of the URL: `?method=add&params=…`.
    private func method(inQuery query: ByteView) throws(CallStop) -> ByteView? {
        var fields = FormFields(query)
        var method: ByteView?
        while let field = fields.next() {
            guard let key = spelling.key(field: field.name), key.equals("method") else { continue }
            guard method == nil, !fields.hasSemicolon else { throw .fault(.ambiguous) }
            method = field.value
        }
        return method
    }
}
