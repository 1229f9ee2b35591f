/// Bytes in a second: `240B/s`.
package struct ByteRate: Hashable, Comparable, Sendable {
    package var bytesPerSecond: Int

    package init(_ bytesPerSecond: Int) { self.bytesPerSecond = bytesPerSecond }

    package static func < (left: ByteRate, right: ByteRate) -> Bool {
        left.bytesPerSecond < right.bytesPerSecond
    }
}
