/// What requests and responses have in common on the wire (RFC 9112), read strictly.
enum WireFormat {
    struct Field: Equatable {
        /// With its spelling.
        let name: String
        let value: String
    }

    struct Chunks {
        var body: [UInt8] = []
        var trailers: [Field] = []
        /// Position behind the message.
        var end = 0
    }

    static func field(_ line: Substring) throws(MalformedMessage) -> Field {
        let hasBareEnd = line.utf8.contains(0x0D) || line.utf8.contains(0x0A)
        guard let colon = line.firstIndex(of: ":"), colon > line.startIndex, !hasBareEnd else {
            throw .head(String(line))
        }
        let value = line[line.index(after: colon)...].drop { $0 == " " || $0 == "\t" }
        let trimmed = String(value.reversed().drop { $0 == " " || $0 == "\t" }.reversed())
        return Field(name: String(line[..<colon]), value: trimmed)
    }

    /// A chunked body with its trailers; nil while it is not whole.
    static func chunks(_ bytes: [UInt8], from start: Int) throws(MalformedMessage) -> Chunks? {
        var chunks = Chunks()
        var position = start
        while let (line, next) = line(in: bytes, from: position) {
            guard let size = Int(line.prefix { $0 != ";" }, radix: 16), size >= 0 else { throw .chunk(line) }
            position = next
            if size == 0 {
                guard let (fields, end) = try trailers(bytes, from: position) else { return nil }
                chunks.trailers = fields
                chunks.end = end
                return chunks
            }
            guard bytes.count >= position + size + 2 else { return nil }
            chunks.body += bytes[position..<(position + size)]
            guard bytes[(position + size)..<(position + size + 2)].elementsEqual([0x0D, 0x0A]) else {
                throw .chunk("no line end behind \(size) bytes")
            }
            position += size + 2
        }
        return nil
    }

    private static func trailers(
        _ bytes: [UInt8], from start: Int
    ) throws(MalformedMessage) -> (fields: [Field], end: Int)? {
        var position = start
        var fields: [Field] = []
        while let (line, next) = line(in: bytes, from: position) {
            position = next
            if line.isEmpty { return (fields, position) }
            fields.append(try field(line[...]))
        }
        return nil
    }

    private static func line(in bytes: [UInt8], from position: Int) -> (String, next: Int)? {
        guard let end = bytes[position...].firstRange(of: [0x0D, 0x0A]) else { return nil }
        return (String(decoding: bytes[position..<end.lowerBound], as: UTF8.self), end.upperBound)
    }
}
