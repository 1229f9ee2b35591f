/// What a text may be at most.
package struct JSONLimits: Equatable, Sendable {
    /// Bytes of the whole text.
    package var length: Int
    /// Arrays and objects inside each other; at most `deepest`.
    package var depth: Int

    /// Levels that a scanner can keep: one bit each.
    package static let deepest = 64

    package init(length: Int = 1 << 20, depth: Int = 32) {
        precondition(length >= 0 && depth >= 0 && depth <= Self.deepest, "limits of JSON out of bounds")
        self.length = length
        self.depth = depth
    }
}
