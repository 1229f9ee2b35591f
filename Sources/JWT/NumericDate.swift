import JSON
import Time

/// Seconds since 1970, with a fraction perhaps (RFC 7519 §2).
enum NumericDate {
    /// The last second of the year 9999.
    private static let latest: UInt128 = 253_402_300_799

    /// Exact to the nanosecond, what is finer cut off. Nil before 1970 and after the year 9999: such times
    /// are mistakes, milliseconds given as seconds for one. What a WallTime cannot hold becomes its last.
    static func time(_ decimal: JSONDecimal) -> WallTime? {
        guard decimal.digits != 0 else { return WallTime(nanoseconds: 0) }
        // Nineteen digits times 10^19 still fit.
        let scale = decimal.exponent + 9
        guard !decimal.isNegative, scale <= 19 else { return nil }
        var nanoseconds = UInt128(decimal.digits)
        if scale >= 0 {
            for _ in 0..<scale { nanoseconds *= 10 }
        } else {
            for _ in 0..<min(20, -scale) { nanoseconds /= 10 }
        }
        guard nanoseconds <= latest * 1_000_000_000 else { return nil }
        return WallTime(nanoseconds: Int64(clamping: nanoseconds))
    }
}
