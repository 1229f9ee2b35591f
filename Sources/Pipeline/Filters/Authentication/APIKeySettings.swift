import HTTPModel
import Settings

/// Keys of machines: where they stand, how they are shown, what backends are told of their owners.
package struct APIKeySettings: Equatable, Sendable {
    /// JSON file of keys; nil for those that are made through the admin listener.
    package var file: String?
    /// Field that clients show a key in, besides Authorization.
    package var header = "X-Api-Key"
    /// Whether backends get the key as the client sent it.
    package var forwards = false
    /// Names of fields, and what of a key they tell backends.
    package var fields: [HeaderField] = [HeaderField("X-User-Id", Fact.owner.rawValue)]
    /// What the file holds; read with the settings.
    package var material = APIKeySet()

    /// What a field may tell of a key.
    package enum Fact: String, CaseIterable, Sendable { case owner, id, scopes, roles }

    package init() {}
}

extension APIKeySettings {
    package static let section = Section(
        "Keys of machines (`floodgate keys`), kept as hashes; each has an owner, a plan, scopes, an end.",
        initial: APIKeySettings(),
        fields: [
            Field(
                "file", \.file, .optional(.text("a file's path", maxLength: 4096)), reload: .live,
                """
                JSON file of keys, read again when it changes; without it keys are made and revoked through \
                the admin listener, and kept in this process' memory or where gateways share it.
                """,
                example: "Config/keys.json"),
            Field(
                "header", \.header, .keyHeader, reload: .live,
                """
                Field that clients show a key in; `Authorization: ApiKey …` and `Bearer fgk_…` do as well. \
                It is removed on every route.
                """,
                example: "X-Api-Key"),
            Field(
                "forward", \.forwards, .bool, reload: .live,
                "Whether backends get the key as it came.", example: "true"),
            Field(
                "headers", \.fields, .keyFields, reload: .live,
                """
                Fields by which backends are told of a key: its owner, id, scopes or roles. What clients \
                send in them is removed on every route.
                """,
                example: "{ X-User-Id: owner, X-Key-Id: id }"),
        ])
}

extension Kind where Value == String {
    /// A field that means nothing else.
    fileprivate static var keyHeader: Kind {
        .scalar("a header's name such as X-Api-Key") { text throws(Refusal) in
            if ["apikey", "api-key"].contains(text.lowercased()) { return text }
            try IdentityHeader.check(text)
            return text
        } write: {
            YAMLText.scalar($0)
        }
    }
}

extension Kind where Value == [HeaderField] {
    /// Names of identity headers, each with what it tells.
    fileprivate static var keyFields: Kind {
        let names = APIKeySettings.Fact.allCases.map(\.rawValue)
        let kind = Kind.headers(
            "a map of header names to \(names.joined(separator: ", "))", allowsFraming: false)
        return Kind(
            words: kind.words, schema: kind.schema,
            read: { node, reader in
                guard let fields = kind.read(node, &reader) else { return nil }
                for field in fields {
                    let place = "\(reader.path.text): \(field.name)"
                    do throws(Refusal) { try IdentityHeader.check(field.name) } catch {
                        reader.report(at: node.mark, "\(place): \(error.reason ?? "no name")")
                    }
                    guard !names.contains(field.value) else { continue }
                    reader.report(
                        at: node.mark, "\(place): a key has no \(field.value): write one of its facts",
                        suggestion: Suggestion.nearest(to: field.value, among: names))
                }
                return fields
            },
            write: kind.write)
    }
}
