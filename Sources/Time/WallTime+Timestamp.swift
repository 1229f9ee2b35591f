extension WallTime {
    /// A day or a time of UTC as people write it (RFC 3339): `2027-01-31`, `2027-01-31T12:00:00Z`, with a
    /// fraction of a second or without. Nil for anything else, other time zones included, and for what lies
    /// outside of the years 1970 to 2261.
    package init?(timestamp text: String) {
        let bytes = Array(text.utf8)
        guard bytes.count == 10 || bytes.count >= 20, bytes[4] == UInt8(ascii: "-"),
            bytes[7] == UInt8(ascii: "-"), let year = Self.number(bytes[0..<4]),
            let month = Self.number(bytes[5..<7]), let day = Self.number(bytes[8..<10]),
            (1970...2261).contains(year), (1...12).contains(month), (1...31).contains(day)
        else { return nil }
        var seconds = Self.days(year, month, day) * 86_400
        let civil = Civil(seconds: seconds)
        // The 30th of February is another day.
        guard civil.month == month, civil.day == day else { return nil }
        var fraction: Int64 = 0
        if bytes.count > 10 {
            guard let time = Self.time(bytes[10...]) else { return nil }
            seconds += time.seconds
            fraction = time.fraction
        }
        self.init(nanoseconds: seconds * 1_000_000_000 + fraction)
    }

    /// `T12:00:00Z`, `T12:00:00.125Z`.
    private static func time(_ bytes: ArraySlice<UInt8>) -> (seconds: Int64, fraction: Int64)? {
        let start = bytes.startIndex
        guard bytes[start] == UInt8(ascii: "T"), bytes[start + 3] == UInt8(ascii: ":"),
            bytes[start + 6] == UInt8(ascii: ":"), bytes.last == UInt8(ascii: "Z"),
            let hour = number(bytes[start + 1..<start + 3]), hour < 24,
            let minute = number(bytes[start + 4..<start + 6]), minute < 60,
            let second = number(bytes[start + 7..<start + 9]), second < 60
        else { return nil }
        let seconds = Int64(hour * 3600 + minute * 60 + second)
        let digits = bytes[(start + 9)...].dropLast()
        if digits.isEmpty { return (seconds, 0) }
        guard digits.first == UInt8(ascii: "."), (2...10).contains(digits.count),
            let value = number(digits.dropFirst())
        else { return nil }
        return (seconds, Int64(value) * (digits.count..<10).reduce(1) { power, _ in power * 10 })
    }

    private static func number(_ digits: ArraySlice<UInt8>) -> Int? {
        var value = 0
        for digit in digits {
            guard digit &- 0x30 < 10 else { return nil }
            value = value * 10 + Int(digit - 0x30)
        }
        return value
    }

    /// Days since 1970, the reverse of `Civil`: years that begin with March, in eras of 400.
    private static func days(_ year: Int, _ month: Int, _ day: Int) -> Int64 {
        let year = month <= 2 ? year - 1 : year
        let era = year / 400
        let yearOfEra = year - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return Int64(era * 146_097 + dayOfEra - 719_468)
    }

    /// `2027-01-31T12:00:00Z`, rounded down to the second.
    package var timestamp: String {
        let civil = civil
        func padded(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
        let date = "\(civil.year)-\(padded(civil.month))-\(padded(civil.day))"
        return "\(date)T\(padded(civil.hour)):\(padded(civil.minute)):\(padded(civil.second))Z"
    }
}
