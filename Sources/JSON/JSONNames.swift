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

    /// Multiplies and folds, eight bytes at a time. Names that were made to collide cost a comparison each,
    /// `capacity` of them at most.
    private static func hash(_ name: JSONElement, in text: ByteView) -> UInt32 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        if let word = name.word(in: text) {
            add(word, to: &hash)
        } else if name.isEscaped, let content = name.content(in: text) {
            var reader = EscapeReader(content)
            var (word, count): (UInt64, UInt64) = (0, 0)
            while let byte = reader.nextByte() {
                if count == 8 {
                    add(word, to: &hash)
                    (word, count) = (0, 0)
                }
                word |= UInt64(byte) &<< (8 &* count)
                count &+= 1
            }
            add(word, to: &hash)
        } else if let plain = name.content(in: text) {
            var index = 0
            while index &+ 8 < plain.count {
                add(UInt64(littleEndian: plain.eight(at: index)), to: &hash)
                index &+= 8
            }
            var word: UInt64 = 0
            for place in index..<plain.count {
                word |= UInt64(plain[place]) &<< UInt64(8 &* (place &- index))
            }
            add(word, to: &hash)
        }
        return UInt32(truncatingIfNeeded: hash &>> 32)
    }

    @inline(__always)
    private static func add(_ word: UInt64, to hash: inout UInt64) {
        hash = (hash ^ word) &* 0x9E37_79B9_7F4A_7C15
        hash ^= hash &>> 29
    }
}
