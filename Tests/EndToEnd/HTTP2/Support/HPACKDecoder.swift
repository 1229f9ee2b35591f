/// Decodes header blocks strictly, and keeps the table that they share (RFC 7541).
struct HPACKDecoder: Sendable {
    struct Field: Equatable, Sendable {
        let name: String
        let value: String
        /// Sent as one that no hop may put into a table (§6.2.3).
        var isNeverIndexed = false

        /// §4.1
        var size: Int { name.latin1.count + value.latin1.count + 32 }
    }

    struct Malformed: Error, Equatable, CustomStringConvertible {
        let what: String
        var description: String { "malformed header block: \(what)" }
    }

    /// The newest first.
    private(set) var table: [Field] = []
    /// What the encoder may use, from the settings that this side has sent.
    private(set) var limit = 4096
    /// What the encoder says that it uses.
    private(set) var capacity = 4096
    /// The least size that the encoder has yet to acknowledge at the start of its next block (§4.2).
    private var owed: Int?

    var tableSize: Int { table.reduce(0) { $0 + $1.size } }

    /// The encoder has acknowledged a setting.
    mutating func limitTable(to size: Int) {
        limit = size
        if size < capacity { owed = min(owed ?? size, size) }
    }

    mutating func decode(_ block: [UInt8]) throws(Malformed) -> [Field] {
        var reader = Reader(bytes: block[...])
        var fields: [Field] = []
        var mayResize = true
        while let first = reader.bytes.first {
            if first & 0xE0 == 0x20 {
                guard mayResize else { throw Malformed(what: "a size update behind a field") }
                try resize(reader.integer(prefix: 5))
                continue
            }
            mayResize = false
            guard owed == nil else { throw Malformed(what: "a smaller table was not acknowledged") }
            fields.append(try field(first, &reader))
        }
        return fields
    }

    private mutating func field(_ first: UInt8, _ reader: inout Reader) throws(Malformed) -> Field {
        if first & 0x80 != 0 { return try entry(reader.integer(prefix: 7)) }
        let isIncremental = first & 0x40 != 0
        let index = try reader.integer(prefix: isIncremental ? 6 : 4)
        let name = try index == 0 ? String(latin1: reader.string()) : entry(index).name
        let value = String(latin1: try reader.string())
        let field = Field(name: name, value: value, isNeverIndexed: first & 0xF0 == 0x10)
        if isIncremental {
            table.insert(field, at: 0)
            evict()
        }
        return field
    }

    private mutating func resize(_ size: Int) throws(Malformed) {
        guard size <= limit else { throw Malformed(what: "a table of \(size), \(limit) is the limit") }
        if let least = owed, size <= least { owed = nil }
        capacity = size
        evict()
    }

    private mutating func evict() {
        while tableSize > capacity { table.removeLast() }
    }

    private func entry(_ index: Int) throws(Malformed) -> Field {
        if index >= 1, index <= Self.fixed.count {
            let (name, value) = Self.fixed[index - 1]
            return Field(name: name, value: value)
        }
        let position = index - Self.fixed.count - 1
        guard table.indices.contains(position) else { throw Malformed(what: "index \(index)") }
        return table[position]
    }

    private struct Reader {
        var bytes: ArraySlice<UInt8>

        mutating func integer(prefix: Int) throws(Malformed) -> Int {
            guard let first = bytes.popFirst() else { throw Malformed(what: "ends in an integer") }
            let limit = 1 << prefix - 1
            var value = Int(first) & limit
            guard value == limit else { return value }
            for shift in stride(from: 0, through: 28, by: 7) {
                guard let byte = bytes.popFirst() else { throw Malformed(what: "ends in an integer") }
                value += Int(byte & 0x7F) << shift
                if byte & 0x80 == 0 { return value }
            }
            throw Malformed(what: "an integer without end")
        }

        mutating func string() throws(Malformed) -> [UInt8] {
            guard let first = bytes.first else { throw Malformed(what: "ends before a string") }
            let length = try integer(prefix: 7)
            guard length <= bytes.count else { throw Malformed(what: "a string beyond the end") }
            let text = bytes.prefix(length)
            bytes = bytes.dropFirst(length)
            guard first & 0x80 != 0 else { return Array(text) }
            do { return try HPACKHuffman.decode(text) } catch { throw Malformed(what: "a Huffman string") }
        }
    }

    /// Appendix A.
    static let fixed: [(String, String)] = [
        (":authority", ""), (":method", "GET"), (":method", "POST"), (":path", "/"),
        (":path", "/index.html"), (":scheme", "http"), (":scheme", "https"), (":status", "200"),
        (":status", "204"), (":status", "206"), (":status", "304"), (":status", "400"),
        (":status", "404"), (":status", "500"), ("accept-charset", ""),
        ("accept-encoding", "gzip, deflate"), ("accept-language", ""), ("accept-ranges", ""),
        ("accept", ""), ("access-control-allow-origin", ""), ("age", ""), ("allow", ""),
        ("authorization", ""), ("cache-control", ""), ("content-disposition", ""),
        ("content-encoding", ""), ("content-language", ""), ("content-length", ""),
        ("content-location", ""), ("content-range", ""), ("content-type", ""), ("cookie", ""),
        ("date", ""), ("etag", ""), ("expect", ""), ("expires", ""), ("from", ""), ("host", ""),
        ("if-match", ""), ("if-modified-since", ""), ("if-none-match", ""), ("if-range", ""),
        ("if-unmodified-since", ""), ("last-modified", ""), ("link", ""), ("location", ""),
        ("max-forwards", ""), ("proxy-authenticate", ""), ("proxy-authorization", ""), ("range", ""),
        ("referer", ""), ("refresh", ""), ("retry-after", ""), ("server", ""), ("set-cookie", ""),
        ("strict-transport-security", ""), ("transfer-encoding", ""), ("user-agent", ""), ("vary", ""),
        ("via", ""), ("www-authenticate", ""),
    ]
}
