/// A YAML document as settings read it: merge keys applied, aliases followed, every part with its place.
package struct DocumentNode: Sendable {
    package enum Content: Sendable {
        case scalar(Scalar)
        case list([DocumentNode])
        case map([Entry])
    }

    package struct Scalar: Sendable {
        package var text: String
        /// Plain text may mean null, a number or a truth value; quoted and block text is text.
        package var isPlain: Bool
    }

    package struct Entry: Sendable {
        package var key: String
        package var keyMark: Mark
        package var value: DocumentNode
    }

    package var mark: Mark
    package var content: Content

    /// Nothing after the colon, `~` or `null`.
    package var isNull: Bool {
        guard case .scalar(let scalar) = content, scalar.isPlain else { return false }
        return ["", "~", "null"].contains(scalar.text)
    }

    /// What the node is, in the words of an operator.
    var kindWords: String {
        switch content {
        case .scalar: "a value"
        case .list: "a list"
        case .map: "a map of keys"
        }
    }
}

extension DocumentNode {
    /// Whether the node is a map with this key.
    package func has(_ key: String) -> Bool {
        guard case .map(let entries) = content else { return false }
        return entries.contains { $0.key == key }
    }
}
