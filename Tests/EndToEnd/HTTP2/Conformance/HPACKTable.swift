/// RFC 7541 as a server decodes it.
enum HPACKTable {
    private static let error = HTTP2Case.Accepted.connection(HTTP2Code.compression)
    private static let get = HTTP2Case.getBlock

    static let table = indexes + evictions + updates + integers + strings + forms

    private static func bad(_ section: String, _ name: String, _ bytes: [UInt8]) -> HTTP2Case {
        HTTP2Case("7541 " + section, name, error, .block(1, get + .raw(bytes)))
    }

    private static func good(_ section: String, _ name: String, _ block: HPACKBlock) -> HTTP2Case {
        HTTP2Case("7541 " + section, name, .served, .block(1, block))
    }

    private static let indexes: [HTTP2Case] = [
        bad("2.3.3", "an index beyond both tables", HPACKBlock.indexed(62).bytes),
        bad("2.3.3", "an index far beyond both tables", HPACKBlock.indexed(70_000).bytes),
        bad(
            "2.3.3", "a name beyond both tables, indexed",
            HPACKBlock.literal(nameAt: 62, "v", .incremental).bytes),
        bad("2.3.3", "a name beyond both tables, not indexed", HPACKBlock.literal(nameAt: 62, "v").bytes),
        bad(
            "2.3.3", "a name beyond both tables, never indexed",
            HPACKBlock.literal(nameAt: 62, "v", .never).bytes),
        bad("6.1", "index 0", [0x80]),
        bad(
            "2.3.2", "the second entry of a table of one",
            (HPACKBlock.literal("x-a", "1", .incremental) + .indexed(63)).bytes),
        good(
            "2.3.2", "the newest comes first",
            get + .literal("x-a", "1", .incremental) + .literal("X-b".lowercased(), "2", .incremental)
                + .indexed(63) + .indexed(62)),
        good(
            "2.3.2", "the same entry twice in the table",
            get + .literal("x-a", "1", .incremental) + .literal("x-a", "1", .incremental) + .indexed(63)),
        HTTP2Case(
            "7541 2.2", "a table for each connection", error, .block(1, get + .literal("x-a", "1")),
            .block(3, get + .indexed(62))),
        HTTP2Case(
            "7541 2.2", "the table lasts from one block to the next", .served.on(3),
            .block(1, get + .literal("x-a", "1", .incremental)), .block(3, get + .indexed(62))),
    ]

    /// An entry of so many bytes with its 32.
    private static func entry(_ size: Int, _ letter: String = "a") -> HPACKBlock {
        .literal("x-\(letter)", String(repeating: letter, count: size - 35), .incremental)
    }

    private static let evictions: [HTTP2Case] = [
        HTTP2Case(
            "7541 4.1", "entries that just fit are all there", .served.on(3),
            .block(1, get + entry(2048, "a") + entry(2048, "b")), .block(3, get + .indexed(63))),
        HTTP2Case(
            "7541 4.4", "an entry that does not fit beside the oldest evicts it", error.on(3),
            .block(1, get + entry(2048, "a") + entry(2049, "b")), .block(3, get + .indexed(63))),
        HTTP2Case(
            "7541 4.4", "an entry larger than the table empties it", error,
            .block(1, get + entry(64) + entry(4097, "b") + .indexed(62))),
        HTTP2Case(
            "7541 4.4", "an entry larger than the table is no error", .served,
            .block(1, get + entry(64) + entry(4097, "b"))),
        HTTP2Case("7541 4.4", "an entry as large as the table", .served, .block(1, get + entry(4096))),
        HTTP2Case(
            "7541 4.4", "a new name may be that of the entry it evicts", .served.on(3),
            .block(1, get + entry(4096)),
            .block(3, get + .literal(nameAt: 62, String(repeating: "c", count: 3000), .incremental))),
    ]

    private static let updates: [HTTP2Case] = [
        HTTP2Case("7541 6.3", "a table beyond the limit", error, .block(1, .sizeUpdate(1 << 20) + get)),
        HTTP2Case(
            "7541 6.3", "a table one byte beyond the limit", error, .block(1, .sizeUpdate(4097) + get)),
        HTTP2Case("7541 4.2", "a size update behind all fields", error, .block(1, get + .sizeUpdate(0))),
        HTTP2Case(
            "7541 4.2", "a size update between fields", error,
            .block(1, get + .sizeUpdate(0) + .literal("x-a", "1"))),
        good("6.3", "no table", .sizeUpdate(0) + get),
        good("6.3", "no table and then the largest", .sizeUpdate(0) + .sizeUpdate(4096) + get),
        good("6.3", "the largest table", .sizeUpdate(4096) + get),
        HTTP2Case(
            "7541 4.3", "a size update evicts", error.on(3),
            .block(1, get + .literal("x-a", "1", .incremental)),
            .block(3, .sizeUpdate(0) + get + .indexed(62))),
        HTTP2Case(
            "7541 4.3", "what was evicted stays away", error.on(3),
            .block(1, get + .literal("x-a", "1", .incremental)),
            .block(3, .sizeUpdate(0) + .sizeUpdate(4096) + get + .indexed(62))),
        HTTP2Case(
            "7541 4.3", "a smaller table keeps what fits", .served.on(3),
            .block(1, get + .literal("x-a", "1", .incremental)),
            .block(3, .sizeUpdate(36) + get + .indexed(62))),
        HTTP2Case(
            "7541 4.4", "nothing stays in a table of no size", error,
            .block(1, .sizeUpdate(0) + get + .literal("x-a", "1", .incremental) + .indexed(62))),
        HTTP2Case(
            "7541 6.3", "a block of a size update alone", HTTP2Case.Accepted.malformed,
            .block(1, .sizeUpdate(0))),
    ]

    private static let integers: [HTTP2Case] = [
        bad("5.1", "an index that does not end", [0xFF, 0xFF, 0xFF, 0xFF]),
        bad("5.1", "an index beyond 64 bits", [0xFF] + [UInt8](repeating: 0xFF, count: 12) + [0x7F]),
        bad("5.1", "an index beyond 32 bits", [0xFF, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01]),
        bad(
            "5.1", "a name's length beyond 64 bits",
            [0x00, 0x7F] + [UInt8](repeating: 0xFF, count: 12) + [0x7F]),
        bad(
            "5.1", "a value's length beyond 64 bits",
            [0x00, 0x01, 0x78, 0x7F] + [UInt8](repeating: 0xFF, count: 12) + [0x7F]),
        bad("5.1", "a name index beyond 64 bits", [0x0F] + [UInt8](repeating: 0xFF, count: 12) + [0x7F]),
        HTTP2Case(
            "7541 5.1", "a size update beyond 64 bits", error,
            .block(1, .raw([0x3F] + [UInt8](repeating: 0xFF, count: 12) + [0x7F]) + get)),
        HTTP2Case(
            "7541 5.1", "an index that wraps around to one that is there", error,
            .block(1, get + .raw([0xFF, 0x83, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01]))),
        HTTP2Case(
            "7541 5.1", "a length with zeros to spare", .served.or(error),
            .block(
                1,
                get
                    + .raw(
                        [0x00, 0x03, 0x78, 0x2D, 0x61, 0x7F, 0x80, 0x80, 0x00]
                            + [UInt8](repeating: 0x61, count: 127)))),
        HTTP2Case(
            "7541 5.1", "zeros without end", error,
            .block(1, get + .raw([0x00, 0x7F] + [UInt8](repeating: 0x80, count: 200) + [0]))),
    ]

    private static func huffman(_ coded: [UInt8]) -> [UInt8] {
        [0x00] + HPACKBlock.string("x-a".latin1) + HPACKBlock.huffmanString(coded)
    }

    private static let strings: [HTTP2Case] = [
        bad("5.2", "a name beyond the block", [0x00, 0x7E, 0x61]),
        bad("5.2", "a value beyond the block", [0x00, 0x01, 0x78, 0x7E, 0x61]),
        bad("5.2", "a block that ends before the value", [0x00, 0x01, 0x78]),
        bad("5.2", "a block that ends before the name", [0x40]),
        bad("5.2", "padding of more than seven bits", huffman(HPACKHuffman.encode("a".latin1) + [0xFF])),
        bad(
            "5.2", "padding of a whole byte behind whole bytes",
            huffman(HPACKHuffman.encode("&".latin1) + [0xFF])),
        bad("5.2", "padding of zeros", huffman([0x18])),
        bad("5.2", "padding of ones with a zero", huffman([0x1B, 0xFB] as [UInt8])),
        bad("5.2", "the end symbol", huffman(HPACKHuffman.encode(symbols: [HPACKHuffman.end]))),
        bad(
            "5.2", "the end symbol between letters",
            huffman(HPACKHuffman.encode(symbols: [97, HPACKHuffman.end, 98]))),
        bad("5.2", "a code cut short", huffman([0xFF])),
        bad("5.2", "padding of zeros in a name", [0x00, 0x81, 0x18, 0x01, 0x61]),
        good("5.2", "an empty Huffman string", get + .raw(huffman([]))),
        good(
            "5.2", "every printable letter by Huffman",
            get + .literal("x-a", "!" + String(latin1: Array(0x20...0x7E)) + "~", huffman: true)),
        good(
            "5.2", "letters above 0x7F by Huffman",
            get + .literal("x-a", String(latin1: Array(0x80...0xFF)), huffman: true)),
        good("5.2", "a name by Huffman", get + .literal("x-name", "v", huffman: true)),
    ]

    /// The same request in every form that there is.
    private static let forms: [HTTP2Case] = [
        good(
            "6.1", "all from the fixed table",
            .indexed(2) + .indexed(6) + .indexed(4) + .literal(nameAt: 1, "here")),
        good("6.2.1", "names from the fixed table, indexed", form(.incremental)),
        good("6.2.2", "names from the fixed table, not indexed", form(.without)),
        good("6.2.3", "names from the fixed table, never indexed", form(.never)),
        good("6.2.1", "new names, indexed", named(.incremental)),
        good("6.2.2", "new names, not indexed", named(.without)),
        good("6.2.3", "new names, never indexed", named(.never)),
        good("6.2.1", "new names by Huffman, indexed", named(.incremental, huffman: true)),
        good("6.2.2", "new names by Huffman, not indexed", named(.without, huffman: true)),
        good("6.2.3", "new names by Huffman, never indexed", named(.never, huffman: true)),
        HTTP2Case(
            "7541 6.2.2", "what is not indexed is not in the table", error,
            .block(1, get + .literal("x-a", "1") + .indexed(62))),
        HTTP2Case(
            "7541 6.2.3", "what is never indexed is not in the table", error,
            .block(1, get + .literal("x-a", "1", .never) + .indexed(62))),
        HTTP2Case(
            "7541 6.1", "a request from the dynamic table alone", .served.on(3),
            .block(1, named(.incremental)),
            .block(3, .indexed(65) + .indexed(64) + .indexed(63) + .indexed(62))),
        HTTP2Case(
            "7541 6.2.1", "names from the dynamic table", .served.on(3), .block(1, named(.incremental)),
            .block(
                3,
                .literal(nameAt: 65, "GET") + .literal(nameAt: 64, "http") + .literal(nameAt: 63, "/")
                    + .literal(nameAt: 62, "here"))),
    ]

    private static func form(_ indexing: HPACKBlock.Indexing) -> HPACKBlock {
        .literal(nameAt: 2, "GET", indexing) + .literal(nameAt: 6, "http", indexing)
            + .literal(nameAt: 4, "/", indexing) + .literal(nameAt: 1, "here", indexing)
    }

    private static func named(_ indexing: HPACKBlock.Indexing, huffman: Bool = false) -> HPACKBlock {
        HTTP2Case.get().reduce(HPACKBlock()) { $0 + .literal($1.0, $1.1, indexing, huffman: huffman) }
    }
}
