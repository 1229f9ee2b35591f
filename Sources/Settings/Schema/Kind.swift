/// A kind of value: how a file writes it, what it may be, how the reference shows it.
package struct Kind<Value: Sendable>: Sendable {
    /// What is expected, as a phrase: `a whole number from 1 to 64`.
    package var words: String
    /// The same for machines (JSON schema, draft 2020-12).
    package var schema: JSONValue
    package var shape: Shape
    /// Nil where the node is no such value; then something was reported.
    package var read: @Sendable (DocumentNode, inout Reader) -> Value?
    /// As a file would write it, in one line; nil where the value means "not set".
    package var write: @Sendable (Value) -> String?

    package init(
        words: String, schema: JSONValue, shape: Shape = .value,
        read: @escaping @Sendable (DocumentNode, inout Reader) -> Value?,
        write: @escaping @Sendable (Value) -> String?
    ) {
        self.words = words
        self.schema = schema
        self.shape = shape
        self.read = read
        self.write = write
    }

    /// A kind whose values are single texts.
    package static func scalar(
        _ words: String, schema: JSONValue = .object([("type", .string("string"))]),
        parse: @escaping @Sendable (String) throws(Refusal) -> Value,
        write: @escaping @Sendable (Value) -> String?
    ) -> Kind {
        Kind(
            words: words, schema: schema,
            read: { node, reader in reader.scalar(node, expected: words, parse: parse) },
            write: write)
    }
}

/// What stands inside a value, for the reference.
package indirect enum Shape: Sendable {
    case value
    case section(SectionDescription)
    /// A section that is absent unless it is written.
    case optionalSection(SectionDescription)
    /// A list of sections.
    case sections(SectionDescription)
    /// A map of sections by names that the operator gives.
    case named(SectionDescription)
}

/// When a changed value takes effect.
package enum ReloadClass: String, CaseIterable, Sendable {
    /// With the next request.
    case live
    /// With the next connection.
    case newConnections
    case restart

    package var words: String {
        switch self {
        case .live: "next request"
        case .newConnections: "next connection"
        case .restart: "restart"
        }
    }

    /// The same behind what a value may be; nothing for the usual case.
    var clause: String {
        switch self {
        case .live: ""
        case .newConnections: "; for new connections"
        case .restart: "; after a restart"
        }
    }
}
