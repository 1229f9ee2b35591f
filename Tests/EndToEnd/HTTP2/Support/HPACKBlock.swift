/// A header block (RFC 7541 §6) put together piece by piece, well-formed or not. It keeps no table: who
/// writes an index knows what stands there.
struct HPACKBlock: Equatable, Sendable {
    enum Indexing: Sendable {
        case incremental, without, never

        /// Width of the index and the bits before it.
        var form: (prefix: Int, pattern: UInt8) {
            switch self {
            case .incremental: (6, 0x40)
            case .without: (4, 0x00)
            case .never: (4, 0x10)
            }
        }
    }

    var bytes: [UInt8] = []

    static func + (left: HPACKBlock, right: HPACKBlock) -> HPACKBlock {
        HPACKBlock(bytes: left.bytes + right.bytes)
    }

    /// Literals without indexing, their names and values Latin-1 and sent as they stand.
    static func fields(_ fields: [(String, String)]) -> HPACKBlock {
        fields.reduce(HPACKBlock()) { $0 + .literal($1.0, $1.1) }
    }

    static func raw(_ bytes: [UInt8]) -> HPACKBlock { HPACKBlock(bytes: bytes) }

    /// §6.1
    static func indexed(_ index: Int) -> HPACKBlock { .raw(integer(index, prefix: 7, pattern: 0x80)) }

    /// §6.2, with a new name.
    static func literal(
        _ name: String, _ value: String, _ indexing: Indexing = .without, huffman: Bool = false
    ) -> HPACKBlock {
        let (prefix, pattern) = indexing.form
        return .raw(
            integer(0, prefix: prefix, pattern: pattern) + string(name.latin1, huffman: huffman)
                + string(value.latin1, huffman: huffman))
    }

    /// §6.2, with a name from a table.
    static func literal(
        nameAt index: Int, _ value: String, _ indexing: Indexing = .without, huffman: Bool = false
    ) -> HPACKBlock {
        let (prefix, pattern) = indexing.form
        return .raw(
            integer(index, prefix: prefix, pattern: pattern) + string(value.latin1, huffman: huffman))
    }

    /// §6.3
    static func sizeUpdate(_ size: Int) -> HPACKBlock { .raw(integer(size, prefix: 5, pattern: 0x20)) }

    /// §5.1
    static func integer(_ value: Int, prefix: Int, pattern: UInt8) -> [UInt8] {
        let limit = 1 << prefix - 1
        guard value >= limit else { return [pattern | UInt8(value)] }
        var rest = value - limit
        var bytes = [pattern | UInt8(limit)]
        while rest >= 128 {
            bytes.append(UInt8(rest & 0x7F) | 0x80)
            rest >>= 7
        }
        return bytes + [UInt8(rest)]
    }

    /// §5.2
    static func string(_ text: [UInt8], huffman: Bool = false) -> [UInt8] {
        let coded = huffman ? HPACKHuffman.encode(text) : text
        return integer(coded.count, prefix: 7, pattern: huffman ? 0x80 : 0) + coded
    }

    /// A string that says it is Huffman-coded, whatever its bytes are.
    static func huffmanString(_ coded: [UInt8]) -> [UInt8] {
        integer(coded.count, prefix: 7, pattern: 0x80) + coded
    }
}
