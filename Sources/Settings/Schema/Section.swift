/// A map of known keys: the fields of one struct of settings.
package struct Section<Root: Sendable>: Sendable {
    package var documentation: String
    /// What a file without any of the keys means.
    package var initial: Root
    package var fields: [Field<Root>]
    /// Keys that begin with `x-` are left alone: places for anchors.
    package var allowsExtensions = false
    /// Looks at the fields together, after all were read.
    package var check: @Sendable (inout Root, DocumentNode, inout Reader) -> Void

    package init(
        _ documentation: String, initial: Root, fields: [Field<Root>], allowsExtensions: Bool = false,
        check: @escaping @Sendable (inout Root, DocumentNode, inout Reader) -> Void = { _, _, _ in }
    ) {
        self.documentation = documentation
        self.initial = initial
        self.fields = fields
        self.allowsExtensions = allowsExtensions
        self.check = check
    }

    package var description: SectionDescription {
        SectionDescription(
            documentation: documentation,
            fields: fields.map { field in
                var description = field.description
                description.defaultText = description.isRequired ? nil : field.write(initial)
                return description
            })
    }

    /// Reads every key, whatever is wrong with the others.
    package func read(_ node: DocumentNode, _ reader: inout Reader) -> Root? {
        guard case .map(let entries) = node.content else {
            if node.isNull { return read(DocumentNode(mark: node.mark, content: .map([])), &reader) }
            let place = reader.path.isEmpty ? "the file" : reader.path.text
            reader.report(at: node.mark, "\(place): expected a map of keys, found \(node.kindWords)")
            return nil
        }
        var root = initial
        var seen: Set<String> = []
        for entry in entries {
            guard let field = field(for: entry, &reader) else { continue }
            guard seen.insert(field.description.name).inserted else {
                reader.report(
                    at: entry.keyMark, "\(field.description.name.quoted) is set twice, under two names")
                continue
            }
            reader.within(.key(field.description.name), at: entry.value.mark) { reader in
                field.read(entry.value, &reader, &root)
            }
        }
        for field in fields where field.description.isRequired && !seen.contains(field.description.name) {
            let place = reader.path.isEmpty ? "" : "\(reader.path.text): "
            reader.report(at: node.mark, "\(place)\(field.description.name.quoted) is missing")
        }
        check(&root, node, &reader)
        return root
    }

    private func field(for entry: DocumentNode.Entry, _ reader: inout Reader) -> Field<Root>? {
        for field in fields {
            if field.description.name == entry.key { return field }
            if field.description.aliases.contains(entry.key) {
                reader.report(
                    .warning, at: entry.keyMark,
                    "\(entry.key.quoted) is now called \(field.description.name.quoted)")
                return field
            }
        }
        if allowsExtensions, entry.key.hasPrefix("x-") { return nil }
        let names = fields.map(\.description.name)
        reader.report(
            at: entry.keyMark, "unknown key \(entry.key.quoted)",
            suggestion: Suggestion.nearest(to: entry.key, among: names))
        return nil
    }

    // MARK: - As kinds

    /// The section itself as a value.
    package func kind() -> Kind<Root> {
        Kind(
            words: "a map of keys", schema: description.schema, shape: .section(description),
            read: { node, reader in read(node, &reader) },
            write: { _ in nil })
    }

    /// A list of the section, in the order of the file.
    package func list(limit: Int) -> Kind<[Root]> {
        Kind(
            words: "a list",
            schema: .object([
                ("type", .string("array")), ("items", description.schema), ("maxItems", .number("\(limit)")),
            ]),
            shape: .sections(description),
            read: { node, reader in
                guard let nodes = reader.elements(of: node, limit: limit) else { return nil }
                // An entry that cannot be read keeps its place, so that indices go on meaning what they mean
                // in the file.
                return nodes.enumerated().map { index, node in
                    reader.within(.index(index), at: node.mark) { read(node, &$0) ?? initial }
                }
            },
            write: { $0.isEmpty ? "[]" : nil })
    }

    /// The section by names, in the order of the file; a name is stored at `name`.
    package func named(_ name: any WritableKeyPath<Root, String> & Sendable, limit: Int) -> Kind<[Root]> {
        Kind(
            words: "a map by name",
            schema: .object([
                ("type", .string("object")), ("maxProperties", .number("\(limit)")),
                ("propertyNames", .object([("pattern", .string("^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"))])),
                ("additionalProperties", description.schema),
            ]),
            shape: .named(description),
            read: { node, reader in
                guard let entries = reader.entries(of: node, limit: limit) else { return nil }
                return entries.compactMap { entry in
                    reader.within(.key(entry.key), at: entry.keyMark) { reader in
                        guard reader.accepts(name: entry.key, at: entry.keyMark) else { return nil }
                        // Kept where it cannot be read: routes that name it are right.
                        var root = read(entry.value, &reader) ?? initial
                        root[keyPath: name] = entry.key
                        return root
                    }
                }
            },
            write: { $0.isEmpty ? "{}" : nil })
    }
}

/// A section as the reference sees it.
package struct SectionDescription: Sendable {
    package var documentation: String
    package var fields: [FieldDescription]
}

extension Reader {
    /// The nodes of a list; null is an empty one. Nil, and reported, where the node is no list or too long.
    package mutating func elements(of node: DocumentNode, limit: Int) -> [DocumentNode]? {
        if node.isNull { return [] }
        guard case .list(let nodes) = node.content else {
            report(at: node.mark, "\(path.text): expected a list, found \(node.kindWords)")
            return nil
        }
        guard nodes.count <= limit else {
            report(at: node.mark, "\(path.text): \(nodes.count) entries; at most \(limit)")
            return nil
        }
        return nodes
    }

    /// The entries of a map; null is an empty one. Nil, and reported, where the node is no map or too long.
    package mutating func entries(of node: DocumentNode, limit: Int) -> [DocumentNode.Entry]? {
        if node.isNull { return [] }
        guard case .map(let entries) = node.content else {
            report(at: node.mark, "\(path.text): expected a map of keys, found \(node.kindWords)")
            return nil
        }
        guard entries.count <= limit else {
            report(at: node.mark, "\(path.text): \(entries.count) entries; at most \(limit)")
            return nil
        }
        return entries
    }

    /// Names appear in logs and metric labels, so they are short and plain.
    package mutating func accepts(name: String, at mark: Mark) -> Bool {
        let isPlain = name.utf8.allSatisfy { byte in
            byte | 0x20 >= 0x61 && byte | 0x20 <= 0x7A || byte >= 0x30 && byte <= 0x39
                || byte == 0x2D || byte == 0x2E || byte == 0x5F
        }
        let startsWell = name.utf8.first.map { $0 != 0x2D && $0 != 0x2E && $0 != 0x5F } ?? false
        guard isPlain, startsWell, name.utf8.count <= 64 else {
            report(
                at: mark,
                "\(name.quoted) is no name: 1 to 64 letters, digits, - . and _, the first a letter or digit")
            return false
        }
        return true
    }
}
