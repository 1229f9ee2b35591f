/// One key of a section, declared once: it parses, checks, suggests, documents and prints the schema.
package struct Field<Root: Sendable>: Sendable {
    package enum Visibility: Sendable { case open, secret }

    package let description: FieldDescription
    let read: @Sendable (DocumentNode, inout Reader, inout Root) -> Void
    private let writeValue: @Sendable (Root) -> String?

    /// - Parameters:
    ///   - property: where the value goes. Its value in the section's initial settings is the default.
    ///   - documentation: one sentence.
    ///   - example: the value as a file writes it.
    ///   - aliases: former names that are still read, with a warning.
    package init<Value: Sendable>(
        _ name: String, _ property: any WritableKeyPath<Root, Value> & Sendable, _ kind: Kind<Value>,
        _ presence: FieldPresence = .optional, visibility: Visibility = .open, reload: ReloadClass = .live,
        _ documentation: String, example: String, aliases: [String] = []
    ) {
        let isSecret = visibility == .secret
        description = FieldDescription(
            name: name, aliases: aliases, words: kind.words, schema: kind.schema, shape: kind.shape,
            presence: presence, isSecret: isSecret, reload: reload, documentation: documentation,
            example: example)
        read = { node, reader, root in
            let value =
                isSecret
                ? reader.readingSecret(node) { reader in kind.read(node, &reader) }
                : kind.read(node, &reader)
            if let value { root[keyPath: property] = value }
        }
        writeValue = { root in isSecret ? nil : kind.write(root[keyPath: property]) }
    }

    /// The value in `root` as a file writes it; nil for secrets and what is not set.
    func write(_ root: Root) -> String? { writeValue(root) }
}

/// Whether a key must be there.
package enum FieldPresence: Sendable {
    case optional
    /// Optional, and the commented file shows the example because the default alone would be no use.
    case exemplary
    case required
}

/// A field as the reference sees it.
package struct FieldDescription: Sendable {
    package var name: String
    package var aliases: [String]
    package var words: String
    package var schema: JSONValue
    package var shape: Shape
    package var presence: FieldPresence
    package var isSecret: Bool
    package var reload: ReloadClass
    package var documentation: String
    package var example: String
    /// As a file writes it; nil where a missing key means "not set".
    package var defaultText: String?

    package var isRequired: Bool { presence == .required }
}
