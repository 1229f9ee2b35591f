import Bytes

/// A point in civil time (UTC), for the Date field and for logs; never for measuring.
@usableFromInline
package struct WallTime: Comparable, Hashable, Sendable {
    /// Nanoseconds since 1970-01-01T00:00:00Z, leap seconds not counted.
    package var nanoseconds: Int64

    package init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    @usableFromInline
    package static func < (left: WallTime, right: WallTime) -> Bool { left.nanoseconds < right.nanoseconds }

    /// Whole seconds since 1970, rounded down.
    package var seconds: Int64 { nanoseconds.floorDivided(by: 1_000_000_000) }

    /// Year, month (1-12), day (1-31), weekday (0 is Sunday), hour, minute, second.
    package var civil: Civil { Civil(seconds: seconds) }

    package struct Civil: Equatable, Sendable {
        package var year: Int, month: Int, day: Int, weekday: Int, hour: Int, minute: Int, second: Int

        /// Days to a date of the proleptic Gregorian calendar by counting from March in eras of 400 years.
        package init(seconds: Int64) {
            let days = Int(seconds.floorDivided(by: 86_400))
            let inDay = Int(seconds) - days * 86_400
            let shifted = days + 719_468
            let era = shifted.floorDivided(by: 146_097)
            let dayOfEra = shifted - era * 146_097
            let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
            let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
            let monthFromMarch = (5 * dayOfYear + 2) / 153
            day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
            month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
            year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
            weekday = (days + 4) - (days + 4).floorDivided(by: 7) * 7
            hour = inDay / 3600
            minute = inDay / 60 % 60
            second = inDay % 60
        }
    }
}

extension ByteWriter {
    /// `Sun, 06 Nov 1994 08:49:37 GMT` (IMF-fixdate, RFC 9110 §5.6.7).
    package mutating func write(httpDate time: WallTime) {
        let civil = time.civil
        write(WallTime.weekdays.slice(civil.weekday * 3, civil.weekday * 3 + 3))
        write(", ")
        write(padded: civil.day)
        write(" ")
        write(WallTime.months.slice(civil.month * 3 - 3, civil.month * 3))
        write(" ")
        write(decimal: civil.year)
        write(" ")
        write(padded: civil.hour)
        write(":")
        write(padded: civil.minute)
        write(":")
        write(padded: civil.second)
        write(" GMT")
    }

    /// `1994-11-06T08:49:37.123Z` (RFC 3339), in milliseconds.
    package mutating func write(timestamp time: WallTime) {
        let civil = time.civil
        write(decimal: civil.year)
        write("-")
        write(padded: civil.month)
        write("-")
        write(padded: civil.day)
        write("T")
        write(padded: civil.hour)
        write(":")
        write(padded: civil.minute)
        write(":")
        write(padded: civil.second)
        write(".")
        let milliseconds = Int(time.nanoseconds - time.seconds * 1_000_000_000) / 1_000_000
        write(UInt8(0x30 + milliseconds / 100))
        write(padded: milliseconds % 100)
        write("Z")
    }

    private mutating func write(padded value: Int) {
        write(UInt8(0x30 + value / 10))
        write(UInt8(0x30 + value % 10))
    }
}

extension WallTime {
    fileprivate static var weekdays: ByteView { ByteView("SunMonTueWedThuFriSat") }
    fileprivate static var months: ByteView { ByteView("JanFebMarAprMayJunJulAugSepOctNovDec") }
}

extension FixedWidthInteger {
    /// Quotient rounded towards minus infinity.
    fileprivate func floorDivided(by divisor: Self) -> Self {
        let quotient = self / divisor
        return self % divisor < 0 ? quotient - 1 : quotient
    }
}
