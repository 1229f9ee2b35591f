import Bytes
import HTTPModel

/// A request to the admin listener, read whole and already let in.
package struct AdminRequest: Sendable {
    package let method: Method
    /// As received, without the query. Paths of the admin listener need no escapes, so none are decoded.
    package let path: String
    /// The query's parts in their order, percent-escapes and `+` decoded; a part without `=` has an empty
    /// value.
    package let query: [(String, String)]
    package let body: [UInt8]

    package init(method: Method, path: String, query: [(String, String)] = [], body: [UInt8] = []) {
        self.method = method
        self.path = path
        self.query = query
        self.body = body
    }

    /// The first value of a name in the query.
    package func value(of name: String) -> String? { query.first { $0.0 == name }?.1 }

    /// Most parts that a query is read to; what follows is left out.
    static let queryLimit = 64

    static func parseQuery(_ bytes: ByteView) -> [(String, String)] {
        let parts = bytes.array().split(separator: UInt8(ascii: "&"), maxSplits: queryLimit)
        return parts.prefix(queryLimit).map { part in
            let sides = part.split(
                separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
            return (decoded(sides[0]), sides.count > 1 ? decoded(sides[1]) : "")
        }
    }

    /// An escape that is none stays as it is written.
    private static func decoded(_ bytes: ArraySlice<UInt8>) -> String {
        var result: [UInt8] = []
        var index = bytes.startIndex
        while index < bytes.endIndex {
            let byte = bytes[index]
            if byte == UInt8(ascii: "%"), index + 2 < bytes.endIndex,
                let high = ASCII.hexValue(bytes[index + 1]),
                let low = ASCII.hexValue(bytes[index + 2])
            {
                result.append(high << 4 | low)
                index += 3
            } else {
                result.append(byte == UInt8(ascii: "+") ? 0x20 : byte)
                index += 1
            }
        }
        return String(decoding: result, as: UTF8.self)
    }
}
