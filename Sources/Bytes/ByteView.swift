/// Read-only view of bytes that somebody else keeps alive: a pooled buffer, a parse region, a static string.
///
/// Every access is bounds-checked. A view is two words and copies freely; it must not outlive the buffer that
/// it looks into, which on the data path means: it lives no longer than the exchange whose buffer it names.
// SAFETY: the one place where view memory is dereferenced. Each access is checked against `count`; the owner
// of the memory (an exchange's `Buffer`, a worker's scratch region) lives on the same thread and outlives the
// view.
@safe
@usableFromInline
package struct ByteView {
    /// First byte. Only for system calls and copies.
    @unsafe @usableFromInline package let start: UnsafeRawPointer
    /// Bytes in view.
    @usableFromInline package let count: Int

    @inlinable
    package init(start: UnsafeRawPointer, count: Int) {
        precondition(count >= 0)
        unsafe self.start = start
        self.count = count
    }

    /// A view of a literal, which lives as long as the process.
    @inlinable
    package init(_ literal: StaticString) {
        unsafe self.init(start: UnsafeRawPointer(literal.utf8Start), count: literal.utf8CodeUnitCount)
    }

    /// A view of nothing.
    @inlinable
    package static var empty: ByteView { ByteView("") }

    @inlinable
    package var isEmpty: Bool { count == 0 }

    @inlinable
    package subscript(index: Int) -> UInt8 {
        precondition(index >= 0 && index < count, "byte index outside of the view")
        return unsafe start.load(fromByteOffset: index, as: UInt8.self)
    }

    /// The bytes `from ..< to` of this view.
    @inlinable
    package func slice(_ from: Int, _ to: Int) -> ByteView {
        precondition(from >= 0 && from <= to && to <= count, "slice outside of the view")
        return unsafe ByteView(start: start + from, count: to - from)
    }

    /// What is left after the first `length` bytes.
    @inlinable
    package func dropFirst(_ length: Int) -> ByteView { slice(length, count) }

    /// What is left before `length`.
    @inlinable
    package func prefix(_ length: Int) -> ByteView { slice(0, length) }

    /// Sixteen bytes from `index` on; all of them must lie inside the view.
    @inlinable
    package func block(at index: Int) -> SIMD16<UInt8> {
        precondition(index >= 0 && index &+ 16 <= count, "block outside of the view")
        return unsafe start.loadUnaligned(fromByteOffset: index, as: SIMD16<UInt8>.self)
    }

    /// Index of the first `byte` at or after `from`, or nil.
    @inlinable
    package func firstIndex(of byte: UInt8, from: Int = 0) -> Int? {
        var index = from
        let pattern = SIMD16<UInt8>(repeating: byte)
        while index &+ 16 <= count {
            if let offset = (block(at: index) .== pattern).firstTrue { return index &+ offset }
            index &+= 16
        }
        while index < count {
            if self[index] == byte { return index }
            index &+= 1
        }
        return nil
    }

    /// Whether the bytes are the same.
    @inlinable
    package func equals(_ other: ByteView) -> Bool {
        guard count == other.count else { return false }
        var index = 0
        while index &+ 8 <= count {
            if eight(at: index) != other.eight(at: index) { return false }
            index &+= 8
        }
        guard index < count else { return true }
        // The last bytes in whole words, some of them for a second time.
        if count >= 8 { return eight(at: count &- 8) == other.eight(at: count &- 8) }
        if count >= 4 {
            let last = count &- 4
            return four(at: 0) == other.four(at: 0) && four(at: last) == other.four(at: last)
        }
        while index < count {
            if self[index] != other[index] { return false }
            index &+= 1
        }
        return true
    }

    /// Negative where these bytes stand before `other`'s, zero where they are the same: shorter ones first,
    /// those of one length by their bytes.
    @inlinable
    package func order(_ other: ByteView) -> Int {
        guard count == other.count else { return count &- other.count }
        var index = 0
        while index &+ 8 <= count {
            let (left, right) = (eight(at: index), other.eight(at: index))
            if left != right { return UInt64(bigEndian: left) < UInt64(bigEndian: right) ? -1 : 1 }
            index &+= 8
        }
        while index < count {
            if self[index] != other[index] { return Int(self[index]) &- Int(other[index]) }
            index &+= 1
        }
        return 0
    }

    /// Eight bytes from `index` on in the machine's order; all of them must lie inside the view.
    @inlinable
    package func eight(at index: Int) -> UInt64 {
        precondition(index >= 0 && index &+ 8 <= count, "eight bytes outside of the view")
        return unsafe start.loadUnaligned(fromByteOffset: index, as: UInt64.self)
    }

    /// Where the bytes from `from` on end, at `stop` or with the view, and a number out of them and `seed`.
    /// For tables whose keys are the operator's: whoever knows the function can aim for one place of a table,
    /// and finds there what the operator put.
    @inlinable
    package func run(from: Int, to stop: UInt8, seed: UInt64) -> (end: Int, hash: UInt64) {
        let low: UInt64 = 0x0101_0101_0101_0101
        var (index, hash) = (from, seed)
        while index &+ 8 <= count {
            let word = UInt64(littleEndian: eight(at: index))
            // The lowest set bit belongs to the first byte that is `stop`; those above it may be wrong.
            let difference = word ^ (low &* UInt64(stop))
            let found = (difference &- low) & ~difference & 0x8080_8080_8080_8080
            if found != 0 {
                let length = found.trailingZeroBitCount &>> 3
                if length > 0 { hash = ByteView.mix(hash, word & ~(UInt64.max << UInt64(length &* 8))) }
                return (index &+ length, hash)
            }
            hash = ByteView.mix(hash, word)
            index &+= 8
        }
        var (rest, shift): (UInt64, UInt64) = (0, 0)
        while index < count, self[index] != stop {
            rest |= UInt64(self[index]) << shift
            shift &+= 8
            index &+= 1
        }
        return (index, shift > 0 ? ByteView.mix(hash, rest) : hash)
    }

    @inlinable
    static func mix(_ hash: UInt64, _ word: UInt64) -> UInt64 {
        let product = (hash ^ word) &* 0x9E37_79B9_7F4A_7C15
        return product ^ product >> 32
    }

    /// Four bytes likewise.
    @inlinable
    func four(at index: Int) -> UInt32 {
        precondition(index >= 0 && index &+ 4 <= count, "four bytes outside of the view")
        return unsafe start.loadUnaligned(fromByteOffset: index, as: UInt32.self)
    }

    @inlinable
    package func equals(_ literal: StaticString) -> Bool { equals(ByteView(literal)) }

    /// Whether the bytes are `lowercase` once ASCII upper-case letters are lowered; `lowercase` holds no
    /// upper-case letter.
    @inlinable
    package func equalsIgnoringCase(_ lowercase: ByteView) -> Bool {
        guard count == lowercase.count else { return false }
        var index = 0
        while index &+ 8 <= count {
            if ASCII.lowercased(eight: eight(at: index)) != lowercase.eight(at: index) { return false }
            index &+= 8
        }
        while index < count {
            if ASCII.lowercased(self[index]) != lowercase[index] { return false }
            index &+= 1
        }
        return true
    }

    @inlinable
    package func equalsIgnoringCase(_ lowercase: StaticString) -> Bool {
        equalsIgnoringCase(ByteView(lowercase))
    }

    @inlinable
    package func hasPrefix(_ prefix: ByteView) -> Bool {
        count >= prefix.count && slice(0, prefix.count).equals(prefix)
    }

    /// Without leading and trailing spaces and tabs (RFC 9110 §5.6.3, OWS).
    @inlinable
    package func trimmed() -> ByteView {
        var low = 0
        var high = count
        while low < high, ASCII.isBlank(self[low]) { low &+= 1 }
        while high > low, ASCII.isBlank(self[high &- 1]) { high &-= 1 }
        return slice(low, high)
    }

    /// The value of one to eighteen decimal digits and nothing else; nil for anything that is not so, signs
    /// included.
    @inlinable
    package func decimal() -> Int? {
        guard count > 0, count <= 18 else { return nil }
        var value = 0
        for index in 0..<count {
            let digit = self[index] &- 0x30
            guard digit < 10 else { return nil }
            value = value &* 10 &+ Int(digit)
        }
        return value
    }

    /// A copy as text; invalid UTF-8 is repaired. For settings, logs and the control plane, never on the data
    /// path.
    package func text() -> String {
        unsafe String(decoding: UnsafeRawBufferPointer(start: start, count: count), as: UTF8.self)
    }

    /// A copy as an array. For tests and the control plane.
    package func array() -> [UInt8] {
        unsafe Array(UnsafeRawBufferPointer(start: start, count: count))
    }
}

extension SIMDMask<SIMD16<Int8>> {
    /// Lane of the first true element, or nil. There is no movemask in Swift: the mask is read as two words
    /// and its trailing zero bits are counted.
    @inlinable
    package var firstTrue: Int? {
        let words = unsafe unsafeBitCast(self, to: SIMD2<UInt64>.self)
        if words[0] != 0 { return words[0].trailingZeroBitCount &>> 3 }
        if words[1] != 0 { return 8 &+ words[1].trailingZeroBitCount &>> 3 }
        return nil
    }
}

extension Array where Element == UInt8 {
    /// Gives `body` a view of the array's bytes, valid during the call.
    package func withView<R>(_ body: (ByteView) throws -> R) rethrows -> R {
        try unsafe withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress else { return try body(.empty) }
            return try unsafe body(ByteView(start: base, count: bytes.count))
        }
    }
}
