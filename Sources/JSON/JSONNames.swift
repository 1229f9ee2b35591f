import Bytes

/// The names that an object has had so far, to find one that comes twice. For objects of few members: the
/// work for a name grows with the number of those before it, and `capacity` bounds both.
package struct JSONNames {
    /// Hash and offset of each name.
    private var kept = InlineArray<128, UInt64>(repeating: 0)
    private var count = 0

    /// Members that an object may have.
    package static let capacity = 128

    package init() {}

    package enum Result: Equatable, Sendable {
        case new, duplicate, full
    }

    /// Takes the name of a member of the object in `text`, whose other names came here as well.
    package mutating func insert(_ name: JSONElement, in text: ByteView) -> Result {
        let hash = Self.hash(name, in: text)
        for index in 0..<count where UInt32(truncatingIfNeeded: kept[index] &>> 32) == hash {
            let start = Int(kept[index] & 0xFFFF_FFFF)
            let before = JSONElement(.string, start, start &+ 2)
            var scanner = JSONScanner(inside: before, of: text)
            guard let known = try? scanner.value(), known.hasSameString(as: name, in: text) else { continue }
            return .duplicate
        }
        guard count < Self.capacity else { return .full }
        kept[count] = UInt64(hash) &<< 32 | UInt64(name.start)
        count &+= 1
        return .new
    }

    /// FNV-1a. Names that were made to collide cost a comparison each, `capacity` of them at most.
    private static func hash(_ name: JSONElement, in text: ByteView) -> UInt32 {
        var hash: UInt32 = 0x811C_9DC5
        if let plain = name.plainString(in: text) {
            for index in 0..<plain.count { hash = (hash ^ UInt32(plain[index])) &* 0x0100_0193 }
        } else if let content = name.content(in: text) {
            var reader = EscapeReader(content)
            while let byte = reader.nextByte() { hash = (hash ^ UInt32(byte)) &* 0x0100_0193 }
        }
        return hash
    }
}
