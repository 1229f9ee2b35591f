import Bytes

/// Parameters of path segments: `/orders;v=1/items` (RFC 3986 §3.3). To most servers they are a part of the
/// segment's name; servlet containers and some others drop them before they look at the path.
package enum PathParameters {
    /// Whether a normalised path has any.
    package static func occur(in path: ByteView) -> Bool {
        // Nearly no path has either of the bytes that they can begin with.
        guard path.firstIndex(of: 0x3B) != nil || path.firstIndex(of: 0x25) != nil else { return false }
        return start(in: path) != path.count
    }

    /// A segment of a normalised path without its parameters.
    package static func removed(from segment: ByteView) -> ByteView { segment.prefix(start(in: segment)) }

    /// Where the first of them begins; the count where there are none.
    private static func start(in path: ByteView) -> Int {
        var index = 0
        while index < path.count {
            // The one byte is what they begin with, the other what it may be hidden by.
            if path[index] == 0x3B || path[index] == 0x25, PathNormaliser.beginsParameters(path, at: index) {
                return index
            }
            index &+= 1
        }
        return index
    }
}
