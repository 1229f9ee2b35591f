import Addressing
import Settings

/// Who is served, by address, for all routes or for one.
package struct AddressListSettings: Equatable, Sendable {
    package var allow: [AddressRange] = []
    package var deny: [AddressRange] = []
    /// Paths of files with one block on a line.
    package var allowFile: String?
    package var denyFile: String?
    /// What both lists come to, files included; read with the settings.
    package var loaded: Loaded?

    package struct Loaded: Equatable, Sendable {
        /// Nil where there is no such list; an empty one lets nobody in.
        package var allowed: AddressSet?
        package var denied: AddressSet?

        package init(allowed: AddressSet?, denied: AddressSet?) {
            self.allowed = allowed
            self.denied = denied
        }
    }

    package init() {}

    package var isEmpty: Bool { !hasAllowList && deny.isEmpty && denyFile == nil }
    package var hasAllowList: Bool { !allow.isEmpty || allowFile != nil }

    /// As read with the settings; where files were not to be read, what the settings themselves say.
    package var lists: Loaded {
        loaded
            ?? Loaded(
                allowed: hasAllowList ? AddressSet(allow) : nil, denied: deny.isEmpty ? nil : AddressSet(deny)
            )
    }
}

extension AddressListSettings {
    package static let section = Section(
        """
        Who is served, by the client's address. An address in a deny list is refused; where there is an \
        allow list, so is every address that is not in it. Lists of the whole gateway and of the route both \
        hold. Files have one block on a line, # before comments, at most a million; they are read again \
        when they change.
        """,
        initial: AddressListSettings(),
        fields: [
            Field(
                "allow", \.allow, .list(of: .addressRange, 0...1024), reload: .live,
                "Addresses and blocks that are served, and no others.", example: "[10.0.0.0/8]"),
            Field(
                "deny", \.deny, .list(of: .addressRange, 0...1024), reload: .live,
                "Addresses and blocks that are refused, even where `allow` has them.",
                example: "[203.0.113.0/24, \"2001:db8::/32\"]"),
            Field(
                "allow_file", \.allowFile, .optional(.filePath), reload: .live,
                "A file of further ones that are served.", example: "/etc/floodgate/office.txt"),
            Field(
                "deny_file", \.denyFile, .optional(.filePath), reload: .live,
                "A file of further ones that are refused.", example: "/etc/floodgate/blocked.txt"),
        ])
}
