import Bytes

/// Which operation of a document a request has run.
enum GraphQLSelection {
    /// The request names none, so that the document must have only one.
    case only
    case named(ByteView)
    /// Two servers would run two of them.
    case unclear
}

/// Finds the root fields that a GraphQL document has executed (specification of October 2021, §6.3.2).
///
/// A field counts once for each response key, as it is executed: `{ a: login b: login }` is two calls of
/// `login`, and `viewer` is one however many fragments select parts of it. Where several operations may run,
/// the fields of all of them count together. The tokens of a definition are read once to find where it ends,
/// and at most once more for its fields, whoever spreads it: the work grows with the document alone.
struct GraphQLDocument: ~Copyable {
    /// Operations and fragments that a document may have.
    static let mostDefinitions = 1024

    private struct Definition {
        var nameStart: Int
        var nameEnd: Int
        /// Offset of the brace that opens its selection.
        var selection: Int
        /// Its fields count, or will.
        var isTaken: Bool
    }

    /// What makes two root fields the same one.
    private struct RootField {
        var keyStart: Int
        var keyEnd: Int
        var nameStart: Int
        var nameEnd: Int
    }

    private var operations: [Definition] = []
    private var fragments: [Definition] = []
    private var fragmentPlaces = PlaceIndex(capacity: mostDefinitions)
    private var fields: [RootField] = []
    private var fieldPlaces = PlaceIndex(capacity: CallReader.mostCalls)
    /// Fragments whose fields are still to be counted.
    private var waiting: [Int] = []
    var tokensRead = 0

    init() {
        operations.reserveCapacity(Self.mostDefinitions)
        fragments.reserveCapacity(Self.mostDefinitions)
        waiting.reserveCapacity(Self.mostDefinitions)
        fields.reserveCapacity(CallReader.mostCalls)
    }

    /// Adds the calls of a document.
    mutating func count(
        _ text: ByteView, _ selection: GraphQLSelection, into calls: inout CallList
    ) throws(CallStop) {
        clear()
        var lexer = GraphQLLexer(text)
        defer { tokensRead &+= lexer.count }
        try lexer.advance()
        repeat { try readDefinition(&lexer) } while lexer.token != .end
        guard !operations.isEmpty else { throw .fault(.document) }

        if let index = chosen(selection, in: text) {
            try countFields(of: operations[index], text, into: &calls)
        } else {
            for operation in operations { try countFields(of: operation, text, into: &calls) }
        }
        while let fragment = waiting.popLast() {
            try countFields(of: fragments[fragment], text, into: &calls)
        }
        // Fragments that spread nothing but each other.
        if fields.isEmpty { try calls.addUnnamed() }
    }

    private mutating func clear() {
        operations.removeAll(keepingCapacity: true)
        fragments.removeAll(keepingCapacity: true)
        fragmentPlaces.removeAll()
        fields.removeAll(keepingCapacity: true)
        fieldPlaces.removeAll()
        waiting.removeAll(keepingCapacity: true)
    }

    /// The one operation that runs for certain.
    private func chosen(_ selection: GraphQLSelection, in text: ByteView) -> Int? {
        if operations.count == 1 { return 0 }
        guard case .named(let name) = selection else { return nil }
        var chosen: Int?
        for (index, operation) in operations.enumerated() {
            guard text.slice(operation.nameStart, operation.nameEnd).equals(name) else { continue }
            guard chosen == nil else { return nil }
            chosen = index
        }
        return chosen
    }
}

// MARK: - Definitions

extension GraphQLDocument {
    /// One operation or fragment (§2.3, §2.8), up to behind its selection.
    private mutating func readDefinition(_ lexer: inout GraphQLLexer) throws(CallStop) {
        guard operations.count &+ fragments.count < Self.mostDefinitions else { throw .fault(.tooComplex) }
        if lexer.isAt("{") {
            operations.append(Definition(nameStart: 0, nameEnd: 0, selection: lexer.start, isTaken: false))
            return try lexer.skipBrackets()
        }
        // A description, which later drafts of the specification have.
        if lexer.token == .string { try lexer.advance() }
        if lexer.isAt(word: "fragment") { return try readFragment(&lexer) }
        guard lexer.isAt(word: "query") || lexer.isAt(word: "mutation") || lexer.isAt(word: "subscription")
        else { throw .fault(.document) }
        try lexer.advance()
        var operation = Definition(nameStart: 0, nameEnd: 0, selection: 0, isTaken: false)
        if lexer.token == .name {
            (operation.nameStart, operation.nameEnd) = (lexer.start, lexer.end)
            try lexer.advance()
        }
        // Variables and their defaults.
        try lexer.skipArguments()
        operation.selection = try readSelection(&lexer)
        operations.append(operation)
    }

    private mutating func readFragment(_ lexer: inout GraphQLLexer) throws(CallStop) {
        try lexer.advance()
        guard lexer.token == .name, !lexer.isAt(word: "on") else { throw .fault(.document) }
        var fragment = Definition(
            nameStart: lexer.start, nameEnd: lexer.end, selection: 0, isTaken: false)
        let place = find(fragment: lexer.current, in: lexer.text)
        // Servers that do not check take the first or the last.
        guard place.index == nil else { throw .fault(.document) }
        try lexer.advance()
        // Variables of a fragment, which some servers know.
        try lexer.skipArguments()
        guard lexer.isAt(word: "on") else { throw .fault(.document) }
        try lexer.advance()
        try lexer.expectName()
        fragment.selection = try readSelection(&lexer)
        fragmentPlaces.put(fragments.count, at: place.end)
        fragments.append(fragment)
    }

    private func readSelection(_ lexer: inout GraphQLLexer) throws(CallStop) -> Int {
        try lexer.skipDirectives()
        guard lexer.isAt("{") else { throw .fault(.document) }
        let start = lexer.start
        try lexer.skipBrackets()
        return start
    }

    /// The fragment of a name, or where its name is to be put.
    private func find(fragment name: ByteView, in text: ByteView) -> (index: Int?, end: Int) {
        var place = fragmentPlaces.start(name.place)
        while let index = fragmentPlaces.entry(at: place) {
            let fragment = fragments[index]
            if text.slice(fragment.nameStart, fragment.nameEnd).equals(name) { return (index, place) }
            place = fragmentPlaces.next(place)
        }
        return (nil, place)
    }
}

// MARK: - Root fields

extension GraphQLDocument {
    private mutating func countFields(
        of definition: Definition, _ text: ByteView, into calls: inout CallList
    ) throws(CallStop) {
        var lexer = GraphQLLexer(text, at: definition.selection)
        defer { tokensRead &+= lexer.count }
        try lexer.advance()
        try lexer.expect("{")
        // Inline fragments around what is read. All brackets were counted when the definition was read over.
        var depth = 1
        while depth > 0 {
            if lexer.token == .spread {
                try lexer.advance()
                if try takeFragment(&lexer) {
                    depth &+= 1
                    continue
                }
            } else {
                try countField(&lexer, into: &calls)
            }
            while depth > 0, lexer.isAt("}") {
                depth &-= 1
                // What stands behind the definition is no part of it.
                if depth > 0 { try lexer.advance() }
            }
        }
    }

    /// What stands behind the dots. True where the content of an inline fragment comes next.
    private mutating func takeFragment(_ lexer: inout GraphQLLexer) throws(CallStop) -> Bool {
        if lexer.token == .name, !lexer.isAt(word: "on") {
            guard let fragment = find(fragment: lexer.current, in: lexer.text).index else {
                throw .fault(.document)
            }
            if !fragments[fragment].isTaken {
                fragments[fragment].isTaken = true
                waiting.append(fragment)
            }
            try lexer.advance()
            // Arguments of a spread, which some servers know.
            try lexer.skipArguments()
            try lexer.skipDirectives()
            return false
        }
        // A fragment on another type than the root's is never executed; which that is, the schema knows.
        if lexer.isAt(word: "on") {
            try lexer.advance()
            try lexer.expectName()
        }
        try lexer.skipDirectives()
        try lexer.expect("{")
        return true
    }

    private mutating func countField(
        _ lexer: inout GraphQLLexer, into calls: inout CallList
    ) throws(CallStop) {
        guard lexer.token == .name else { throw .fault(.document) }
        var field = RootField(
            keyStart: lexer.start, keyEnd: lexer.end, nameStart: lexer.start, nameEnd: lexer.end)
        try lexer.advance()
        if lexer.isAt(":") {
            try lexer.advance()
            guard lexer.token == .name else { throw .fault(.document) }
            (field.nameStart, field.nameEnd) = (lexer.start, lexer.end)
            try lexer.advance()
        }
        try add(field, in: lexer.text, into: &calls)
        try lexer.skipArguments()
        try lexer.skipDirectives()
        if lexer.isAt("{") { try lexer.skipBrackets() }
    }

    private mutating func add(
        _ field: RootField, in text: ByteView, into calls: inout CallList
    ) throws(CallStop) {
        let key = text.slice(field.keyStart, field.keyEnd)
        let name = text.slice(field.nameStart, field.nameEnd)
        // Two fields of one key are invalid unless they are the same field, so that the name counts too.
        var place = fieldPlaces.start(key.place ^ name.place &<< 1)
        while let index = fieldPlaces.entry(at: place) {
            let known = fields[index]
            if text.slice(known.keyStart, known.keyEnd).equals(key),
                text.slice(known.nameStart, known.nameEnd).equals(name)
            {
                return
            }
            place = fieldPlaces.next(place)
        }
        guard name.count <= CallReader.longestName else { throw .fault(.name) }
        try calls.add(name)
        fieldPlaces.put(fields.count, at: place)
        fields.append(field)
    }
}
