import Settings

/// A part of the settings that a route may have for itself.
package enum RouteOwn<Value: Equatable & Sendable>: Equatable, Sendable {
    /// As the file says for all routes.
    case inherited
    case off
    /// Instead of what the file says for all: nothing of that is taken over.
    case own(Value)
}

extension Kind {
    /// `off`, or the keys of `section`, which the reference explains where the file has it for all routes.
    static func own<Inner>(_ section: Section<Inner>, _ name: String) -> Kind
    where Value == RouteOwn<Inner> {
        let inner = section.kind()
        return Kind(
            words: "off, or a map of the keys of `\(name)`",
            schema: .object([("anyOf", .array([.object([("const", .string("off"))]), inner.schema]))]),
            read: { node, reader in
                if case .scalar(let scalar) = node.content, scalar.text == "off" { return .off }
                return inner.read(node, &reader).map { .own($0) }
            },
            write: { _ in nil })
    }
}
