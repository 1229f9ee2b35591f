extension Kind {
    /// A list of one kind, in the order of the file.
    package static func list<Element: Sendable>(
        of element: Kind<Element>, _ range: ClosedRange<Int>
    ) -> Kind<[Element]> where Value == [Element] {
        Kind<[Element]>(
            words: "a list, each \(element.words)",
            schema: .object([
                ("type", .string("array")), ("items", element.schema),
                ("minItems", .number("\(range.lowerBound)")),
                ("maxItems", .number("\(range.upperBound)")),
            ]),
            read: { node, reader in
                guard let nodes = reader.elements(of: node, limit: range.upperBound) else { return nil }
                guard nodes.count >= range.lowerBound else {
                    reader.report(at: node.mark, "\(reader.path.text): expected at least one entry")
                    return nil
                }
                return nodes.enumerated().compactMap { index, node in
                    reader.within(.index(index), at: node.mark) { element.read(node, &$0) }
                }
            },
            write: { values in
                values.isEmpty && range.lowerBound > 0
                    ? nil : "[" + values.compactMap(element.write).joined(separator: ", ") + "]"
            })
    }

    /// The kind, or a word that means "not set": `auto`, `off`. Without a word, a missing key is the only
    /// way.
    package static func optional<Wrapped: Sendable>(
        _ kind: Kind<Wrapped>, none word: String? = nil
    ) -> Kind<Wrapped?> where Value == Wrapped? {
        let words = word.map { "\($0) or \(kind.words)" } ?? kind.words
        let schema: JSONValue =
            word.map { .object([("anyOf", .array([.object([("const", .string($0))]), kind.schema]))]) }
            ?? kind.schema
        let shape: Shape =
            if case .section(let inner) = kind.shape { .optionalSection(inner) } else { kind.shape }
        return Kind<Wrapped?>(
            words: words, schema: schema, shape: shape,
            read: { node, reader in
                if case .scalar(let scalar) = node.content, let word, scalar.text == word {
                    return .some(nil)
                }
                return kind.read(node, &reader).map { .some($0) }
            },
            write: { value in value.flatMap(kind.write) ?? (value == nil ? word : nil) })
    }
}

extension Kind where Value == [HeaderField] {
    /// A map of names to values, in the order of the file.
    package static func headers(_ words: String, allowsFraming: Bool) -> Kind {
        Kind(
            words: words,
            schema: .object([
                ("type", .string("object")), ("additionalProperties", .object([("type", .string("string"))])),
            ]),
            read: { node, reader in
                guard let entries = reader.entries(of: node, limit: 64) else { return nil }
                var names: Set<String> = []
                let fields: [HeaderField] = entries.compactMap { entry in
                    reader.within(.key(entry.key), at: entry.value.mark) { reader in
                        guard reader.acceptsHeader(entry, allowsFraming: allowsFraming) else { return nil }
                        guard names.insert(entry.key.lowercased()).inserted else {
                            reader.report(at: entry.keyMark, "header \(entry.key.quoted) is set twice")
                            return nil
                        }
                        let words = "a header's value"
                        let value = reader.scalar(entry.value, expected: words) { text throws(Refusal) in
                            try Header.check(value: text)
                            return text
                        }
                        return value.map { HeaderField(entry.key, $0) }
                    }
                }
                let size = fields.reduce(0) { $0 + $1.name.utf8.count + $1.value.utf8.count + 4 }
                guard size <= Header.maxMapLength else {
                    reader.report(
                        at: node.mark,
                        "\(reader.path.text): headers of more than \(Header.maxMapLength) bytes together")
                    return nil
                }
                return fields
            },
            write: { fields in
                let pairs = fields.map { "\(YAMLText.scalar($0.name)): \(YAMLText.scalar($0.value))" }
                return pairs.isEmpty ? "{}" : "{ " + pairs.joined(separator: ", ") + " }"
            })
    }
}

extension Reader {
    fileprivate mutating func acceptsHeader(_ entry: DocumentNode.Entry, allowsFraming: Bool) -> Bool {
        do {
            try Header.check(name: entry.key)
        } catch {
            report(at: entry.keyMark, "\(entry.key.quoted): \(error.reason ?? "no header's name")")
            return false
        }
        guard allowsFraming || !Header.isGatewayWritten(entry.key) else {
            report(at: entry.keyMark, "\(entry.key.quoted) is a field that the gateway writes itself")
            return false
        }
        return true
    }
}

extension Kind where Value == AnswerBody {
    /// Text as it is sent.
    package static var textBody: Kind {
        .scalar(
            "a text",
            schema: .object([("type", .string("string")), ("maxLength", .number("\(Body.maxLength)"))])
        ) { text throws(Refusal) in
            guard text.utf8.count <= Body.maxLength else {
                throw Refusal("longer than \(Body.maxLength) bytes")
            }
            return .text(text)
        } write: {
            if case .text(let text) = $0 { YAMLText.scalar(text) } else { nil }
        }
    }

    /// JSON: YAML's own maps and lists, written out without blanks; or a quoted or block text that is JSON,
    /// kept as it is.
    package static var jsonBody: Kind {
        Kind(
            words: "JSON", schema: .object([]),
            read: { node, reader in
                guard let text = reader.json(node) else { return nil }
                guard text.utf8.count <= Body.maxLength else {
                    reader.report(at: node.mark, "\(reader.path.text): longer than \(Body.maxLength) bytes")
                    return nil
                }
                return .json(text)
            },
            write: { if case .json(let text) = $0 { text } else { nil } })
    }
}

/// Bodies that operators write.
enum Body {
    /// Bytes. A page, not a download.
    static let maxLength = 64 << 10
}

extension Reader {
    fileprivate mutating func json(_ node: DocumentNode) -> String? {
        guard case .scalar(let scalar) = node.content, !scalar.isPlain else { return jsonValue(node)?.text }
        guard let text = expand(scalar, at: node.mark) else { return nil }
        guard JSONCheck.isJSON(text) else {
            report(
                at: node.mark, "\(path.text): a text in quotes must be JSON itself, or leave the quotes out")
            return nil
        }
        return text
    }

    private mutating func jsonValue(_ node: DocumentNode) -> JSONValue? {
        switch node.content {
        case .scalar(let scalar):
            guard let text = expand(scalar, at: node.mark) else { return nil }
            guard scalar.isPlain else { return .string(text) }
            switch text {
            case "", "~", "null": return .null
            case "true", "false": return .bool(text == "true")
            default: return JSONCheck.isNumber(text) ? .number(text) : .string(text)
            }
        case .list(let nodes):
            return .array(nodes.compactMap { jsonValue($0) })
        case .map(let entries):
            return .object(
                entries.compactMap { entry in
                    jsonValue(entry.value).map { (entry.key, $0) }
                })
        }
    }
}
