import Bytes

extension CallReader {
    /// tRPC (versions 9 to 11): names with commas between them, by any method, with or without a body.
    ///
    /// Commas separate whether the query says `batch=1` or not. Servers find the parameter in different ways
    /// (`batch[]=1` is one to some), and without it they look for one procedure of the whole name and run
    /// nothing. An escaped comma separates as well, for they decode the path before they split it. Some do so
    /// twice, so that any other escape is refused. A slash inside is too: the server takes it for a part of
    /// the first name, and whoever took it for a part of the path would find other names behind it.
    ///
    /// An empty name is a call that ends in an error.
    mutating func readTRPC(_ rest: ByteView) throws(CallStop) {
        // Servers drop a slash at the end.
        let hasSlash = !rest.isEmpty && rest[rest.count &- 1] == UInt8(ascii: "/")
        let names = hasSlash ? rest.prefix(rest.count &- 1) : rest
        var (start, index) = (0, 0)
        while index < names.count {
            let length = Self.separatorLength(names, at: index)
            if length > 0 {
                try addProcedure(names.slice(start, index))
                start = index &+ length
            }
            index &+= max(1, length)
        }
        try addProcedure(names.dropFirst(start))
    }

    private static func separatorLength(_ names: ByteView, at index: Int) -> Int {
        if names[index] == UInt8(ascii: ",") { return 1 }
        guard index &+ 3 <= names.count else { return 0 }
        return names.slice(index, index &+ 3).equalsIgnoringCase("%2c") ? 3 : 0
    }

    private mutating func addProcedure(_ name: ByteView) throws(CallStop) {
        guard !name.isEmpty else { return try calls.addUnnamed() }
        guard CallName.isSegment(name) else { throw .fault(.name) }
        try calls.add(name)
    }
}
