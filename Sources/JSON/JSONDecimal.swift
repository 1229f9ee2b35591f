import Bytes

/// A number as it was written: sign, digits and power of ten, before anything is rounded.
package struct JSONDecimal: Equatable, Sendable {
    package let isNegative: Bool
    /// The first nineteen digits that count.
    package let digits: UInt64
    /// The number is `digits` × 10^`exponent`. Held within ±`farthest`.
    package let exponent: Int
    /// There were no digits but zeros beyond the nineteen.
    package let isExact: Bool

    private static let farthest = 1_000_000
    private static let mostDigits = 19

    /// Reads the bytes of a number that a scanner has found.
    package init(_ number: ByteView) {
        var reader = Reader()
        var index = 0
        isNegative = !number.isEmpty && number[0] == UInt8(ascii: "-")
        if isNegative { index = 1 }
        while index < number.count, ASCII.isDigit(number[index]) {
            reader.take(number[index], isFraction: false)
            index &+= 1
        }
        if index < number.count, number[index] == UInt8(ascii: ".") {
            index &+= 1
            while index < number.count, ASCII.isDigit(number[index]) {
                reader.take(number[index], isFraction: true)
                index &+= 1
            }
        }
        digits = reader.digits
        isExact = reader.isExact
        let written = index < number.count ? Self.exponent(number.dropFirst(index &+ 1)) : 0
        exponent = max(-Self.farthest, min(Self.farthest, written &+ reader.exponent))
    }

    private struct Reader {
        var digits: UInt64 = 0
        var count = 0
        var exponent = 0
        var isExact = true

        mutating func take(_ character: UInt8, isFraction: Bool) {
            let digit = UInt64(character &- 0x30)
            guard count < JSONDecimal.mostDigits else {
                if digit != 0 { isExact = false }
                if !isFraction { exponent &+= 1 }
                return
            }
            digits = digits &* 10 &+ digit
            // Zeros in front do not count.
            if digits != 0 { count &+= 1 }
            if isFraction { exponent &-= 1 }
        }
    }

    private static func exponent(_ text: ByteView) -> Int {
        guard !text.isEmpty else { return 0 }
        let isNegative = text[0] == UInt8(ascii: "-")
        var value = 0
        for index in 0..<text.count where ASCII.isDigit(text[index]) {
            value = min(farthest, value &* 10 &+ Int(text[index] &- 0x30))
        }
        return isNegative ? -value : value
    }

    /// The value where it is a whole number of 64 bits.
    package var integer: Int64? {
        guard isExact else { return nil }
        guard digits != 0 else { return 0 }
        guard exponent <= Self.mostDigits, exponent >= -Self.mostDigits else { return nil }
        var magnitude = digits
        for _ in 0..<abs(exponent) {
            if exponent > 0 {
                let (product, overflow) = magnitude.multipliedReportingOverflow(by: 10)
                if overflow { return nil }
                magnitude = product
            } else {
                let (quotient, rest) = magnitude.quotientAndRemainder(dividingBy: 10)
                if rest != 0 { return nil }
                magnitude = quotient
            }
        }
        if isNegative { return magnitude <= 1 << 63 ? Int64(truncatingIfNeeded: 0 &- magnitude) : nil }
        return Int64(exactly: magnitude)
    }

    /// Numbers longer than this many bytes are not made a Double: nobody writes them, but to make work.
    private static let longest = 1024

    /// The nearest Double. Up to 2^53 and a power of ten that is exact itself, one operation rounds once and
    /// is right (Clinger, 1990); the library does the rest.
    static func double(_ number: ByteView) -> Double? {
        let decimal = JSONDecimal(number)
        if decimal.isExact, decimal.digits <= 1 << 53, abs(decimal.exponent) <= 22 {
            let magnitude = Double(decimal.digits)
            var power = 1.0
            for _ in 0..<abs(decimal.exponent) { power *= 10 }
            let value = decimal.exponent < 0 ? magnitude / power : magnitude * power
            return decimal.isNegative ? -value : value
        }
        guard number.count <= longest, let value = Double(number.text()), value.isFinite else { return nil }
        return value
    }
}
