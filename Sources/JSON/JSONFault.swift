/// Why bytes are not a JSON text, and where.
package struct JSONFault: Error, Equatable, Sendable {
    package enum Kind: Equatable, Sendable {
        /// More bytes than `JSONLimits.length`.
        case tooLong
        /// More levels than `JSONLimits.depth`.
        case tooDeep
        /// A byte that cannot stand here.
        case unexpected
        /// The text ends inside a value.
        case unfinished
        /// A string with bytes that are not UTF-8 (RFC 3629).
        case notUTF8
        /// An escape that does not exist, or half a surrogate pair.
        case badEscape
        /// A number that RFC 8259 §6 does not have: `01`, `.5`, `1.`, `+1`.
        case badNumber
        /// Something stands behind the value.
        case trailing
    }

    package let kind: Kind
    /// Offset of the byte at which reading ended.
    package let offset: Int

    package init(_ kind: Kind, at offset: Int) {
        self.kind = kind
        self.offset = offset
    }
}
