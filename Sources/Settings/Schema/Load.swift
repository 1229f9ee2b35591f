/// What a file came to.
package struct Loaded<Root: Sendable>: Sendable {
    /// Nil where anything is an error.
    package var settings: Root?
    /// Errors and warnings in the order of the file.
    package var diagnostics: [Diagnostic]
}

extension Section {
    /// Reads a file's text. Pure: no file is opened and no variable read that is not passed in.
    ///
    /// - Parameter references: checks what parts of the file say about each other, and completes them; only
    ///   asked   where all parts could be read.
    package func load(
        text: String, file: String, environment: [String: String],
        references: (inout Root, inout Reader) -> Void
    ) -> Loaded<Root> {
        let document = Document(text)
        // A file too large to parse is too large to be quoted from.
        let shown = text.utf8.count <= Document.Limit.bytes ? text : ""
        let source = SourceText(shown, secretKeys: description.secretKeys)
        var reader = Reader(source: source, environment: environment)
        for problem in document.problems { reader.report(at: problem.mark, problem.message) }
        // A file without a key means the defaults, and their checks hold as well.
        let empty = DocumentNode(mark: Mark(line: 1, column: 1), content: .map([]))
        let isReadable = document.root != nil || document.problems.isEmpty
        var root = isReadable ? read(document.root ?? empty, &reader) : nil
        if var complete = root {
            references(&complete, &reader)
            root = complete
        }
        let diagnostics = reader.diagnostics(file: file)
        return Loaded(settings: diagnostics.hasErrors ? nil : root, diagnostics: diagnostics)
    }
}

extension SectionDescription {
    /// Names of all secret fields, here and below.
    var secretKeys: Set<String> {
        fields.reduce(into: []) { keys, field in
            if field.isSecret { keys.formUnion([field.name] + field.aliases) }
            switch field.shape {
            case .value: break
            case .section(let inner), .optionalSection(let inner), .sections(let inner), .named(let inner):
                keys.formUnion(inner.secretKeys)
            }
        }
    }

    /// JSON schema of the map.
    var schema: JSONValue {
        var properties: [(String, JSONValue)] = []
        for field in fields {
            guard case .object(var members) = field.schema else { continue }
            members.insert(("description", .string(field.documentation)), at: 0)
            if let text = field.defaultText { members.append(("default", JSONValue(settingText: text))) }
            properties.append((field.name, .object(members)))
        }
        let required = fields.filter(\.isRequired).map { JSONValue.string($0.name) }
        return .object(
            [
                ("type", .string("object")), ("additionalProperties", .bool(false)),
                ("properties", .object(properties)),
            ]
                + (required.isEmpty ? [] : [("required", .array(required))]))
    }
}

extension JSONValue {
    /// A default as a schema shows it: numbers and empty collections as such, all else as text.
    init(settingText text: String) {
        switch text {
        case "[]": self = .array([])
        case "{}": self = .object([])
        case "true", "false": self = .bool(text == "true")
        case _ where JSONCheck.isNumber(text): self = .number(text)
        default: self = .string(text)
        }
    }
}
