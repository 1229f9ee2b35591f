import HTTPModel

/// How large a head may be.
package struct HeadLimits: Sendable, Equatable {
    /// Bytes of the whole head, empty lines before it included; 64 to 65,535, because offsets are kept in 16
    /// bits.
    package let maximumBytes: Int
    /// Bytes of the request target.
    package let maximumTarget: Int
    /// Field lines; at most `FieldTable.capacity`.
    package let maximumFields: Int

    /// Limits outside of the bounds above are moved to the nearest bound.
    package init(
        maximumBytes: Int = 16384, maximumTarget: Int = 8192, maximumFields: Int = FieldTable.capacity
    ) {
        self.maximumBytes = min(max(maximumBytes, 64), 65535)
        self.maximumTarget = min(max(maximumTarget, 1), self.maximumBytes)
        self.maximumFields = min(max(maximumFields, 1), FieldTable.capacity)
    }
}

extension HeadLimits {
    /// Bytes of a method; the longest that is registered has 17 (UPDATEREDIRECTREF).
    static let maximumMethod = 32
    /// Bytes of a field name; its length is kept in 8 bits.
    static let maximumFieldName = 255
    /// CRLFs before a request line that are overlooked (RFC 9112 §2.2).
    static let maximumEmptyLines = 2
}
