extension Kind where Value == Bool {
    package static var bool: Kind {
        .scalar("true or false", schema: .object([("type", .string("boolean"))])) { text throws(Refusal) in
            switch text {
            case "true", "yes", "on": true
            case "false", "no", "off": false
            default: throw Refusal(suggestion: Suggestion.nearest(to: text, among: ["true", "false"]))
            }
        } write: {
            $0 ? "true" : "false"
        }
    }
}

extension Kind where Value == Int {
    /// A whole number.
    package static func count(_ range: ClosedRange<Int>) -> Kind {
        .scalar(
            "a whole number from \(range.lowerBound) to \(range.upperBound)",
            schema: .object([
                ("type", .array([.string("integer"), .string("string")])),
                ("minimum", .number("\(range.lowerBound)")), ("maximum", .number("\(range.upperBound)")),
            ])
        ) { text throws(Refusal) in
            // `1_000` is readable, and YAML 1.1 has it; a sign or a leading zero is a slip.
            let digits = text.filter { $0 != "_" }
            guard let value = Quantity.digits(digits), range.contains(value) else { throw Refusal() }
            return value
        } write: {
            "\($0)"
        }
    }

    /// Bytes: `512`, `16KiB`, `1MiB`, `2GiB`.
    package static func bytes(_ range: ClosedRange<Int>) -> Kind {
        .scalar(
            "a size from \(Quantity.text(bytes: range.lowerBound)) "
                + "to \(Quantity.text(bytes: range.upperBound))",
            schema: .object([
                ("type", .array([.string("string"), .string("integer")])),
                ("pattern", .string("^[0-9]+(B|KiB|MiB|GiB)?$|^\\$\\{")),
            ])
        ) { text throws(Refusal) in
            let value = try Quantity.bytes(text)
            guard range.contains(value) else { throw Refusal() }
            return value
        } write: {
            Quantity.text(bytes: $0)
        }
    }
}

extension Kind where Value == Duration {
    /// `250ms`, `5s`, `15m`, `1h`, `1d`.
    package static func duration(_ range: ClosedRange<Duration>) -> Kind {
        .scalar(
            "a duration from \(Quantity.text(range.lowerBound)) to \(Quantity.text(range.upperBound))",
            schema: .object([
                ("type", .string("string")), ("pattern", .string("^[0-9]+(ms|s|m|h|d)$|^\\$\\{")),
            ])
        ) { text throws(Refusal) in
            let value = try Quantity.duration(text)
            guard range.contains(value) else { throw Refusal() }
            return value
        } write: {
            Quantity.text($0)
        }
    }
}

extension Kind where Value == Percent {
    /// `50%`, `0.25%`.
    package static func percent(_ range: ClosedRange<Percent>) -> Kind {
        .scalar(
            "a percentage from \(Quantity.text(range.lowerBound)) to \(Quantity.text(range.upperBound))",
            schema: .object([
                ("type", .string("string")), ("pattern", .string("^[0-9]+([.][0-9]{1,2})?%$|^\\$\\{")),
            ])
        ) { text throws(Refusal) in
            let value = try Quantity.percent(text)
            guard range.contains(value) else { throw Refusal() }
            return value
        } write: {
            Quantity.text($0)
        }
    }
}

extension Kind where Value == Rate {
    /// `100 per 15m`.
    package static var rate: Kind {
        .scalar(
            "a rate such as 100 per 15m",
            schema: .object([
                ("type", .string("string")), ("pattern", .string("^[0-9]+ per [0-9]*(ms|s|m|h|d)$|^\\$\\{")),
            ])
        ) { text throws(Refusal) in
            try Quantity.rate(text)
        } write: {
            Quantity.text($0)
        }
    }
}

/// How quantities are written.
package enum Quantity {
    /// Decimal digits and nothing else, without a leading zero; nil beyond 18 digits.
    package static func digits<Text: StringProtocol>(_ text: Text) -> Int? {
        let digits = text.utf8
        guard !digits.isEmpty, digits.count <= 18, digits.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) else {
            return nil
        }
        guard digits.first != 0x30 || digits.count == 1 else { return nil }
        return digits.reduce(0) { $0 * 10 + Int($1 - 0x30) }
    }

    private static let byteUnits = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)]

    static func bytes(_ text: String) throws(Refusal) -> Int {
        let number = text.prefix { $0.isASCII && $0.isNumber }
        let unit = text.dropFirst(number.count).drop { $0 == " " }
        guard let count = digits(number) else { throw Refusal() }
        if unit.isEmpty { return count }
        guard let factor = byteUnits.first(where: { $0.0 == unit })?.1 else {
            // 10MB, 10M, 10mb: powers of ten and of two are too often taken for each other to be guessed.
            let meant = byteUnits.first { $0.0.lowercased().first == unit.lowercased().first }
            throw Refusal(
                "a size is written in B, KiB, MiB or GiB", suggestion: meant.map { "\(number)\($0.0)" })
        }
        let (product, overflow) = count.multipliedReportingOverflow(by: factor)
        guard !overflow else { throw Refusal() }
        return product
    }

    package static func text(bytes: Int) -> String {
        guard bytes > 0, let unit = byteUnits.first(where: { bytes % $0.1 == 0 }), unit.1 > 1 else {
            return "\(bytes)"
        }
        return "\(bytes / unit.1)\(unit.0)"
    }

    private static let durationUnits = [
        ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1),
    ]

    package static func duration(_ text: String) throws(Refusal) -> Duration {
        let number = text.prefix { $0.isASCII && $0.isNumber }
        let unit = text.dropFirst(number.count).drop { $0 == " " }
        guard let count = digits(number) else { throw Refusal() }
        if unit.isEmpty {
            throw Refusal("a duration needs a unit: ms, s, m, h or d", suggestion: "\(number)s")
        }
        guard let factor = durationUnits.first(where: { $0.0 == unit })?.1 else {
            let words = ["sec": "s", "min": "m", "hour": "h", "day": "d", "milli": "ms", "msec": "ms"]
            let meant = words.first { unit.lowercased().hasPrefix($0.key) }?.value
            throw Refusal(
                "a duration is written in ms, s, m, h or d", suggestion: meant.map { "\(number)\($0)" })
        }
        let (product, overflow) = count.multipliedReportingOverflow(by: factor)
        guard !overflow else { throw Refusal() }
        return .milliseconds(product)
    }

    package static func text(_ duration: Duration) -> String {
        let (seconds, attoseconds) = duration.components
        let milliseconds = Int(seconds) * 1000 + Int(attoseconds / 1_000_000_000_000_000)
        guard milliseconds > 0 else { return "0s" }
        let unit = durationUnits.first { milliseconds % $0.1 == 0 } ?? ("ms", 1)
        // 60s says more than 1m beside other seconds, and 1h more than 3600s.
        if unit.0 == "m", milliseconds < 300_000 { return "\(milliseconds / 1000)s" }
        return "\(milliseconds / unit.1)\(unit.0)"
    }

    static func percent(_ text: String) throws(Refusal) -> Percent {
        guard text.hasSuffix("%") else {
            throw Refusal("a percentage ends with %", suggestion: digits(text).map { "\($0)%" })
        }
        let parts = text.dropLast().drop { $0 == " " }.split(separator: ".", omittingEmptySubsequences: false)
        guard let whole = parts.first.flatMap({ digits($0) }), parts.count <= 2, whole <= 100 else {
            throw Refusal()
        }
        guard parts.count == 2 else { return Percent(hundredths: whole * 100) }
        let places = parts[1].utf8
        guard (1...2).contains(places.count), places.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) else {
            throw Refusal()
        }
        let hundredths = places.reduce(0) { $0 * 10 + Int($1 - 0x30) } * (places.count == 1 ? 10 : 1)
        guard whole * 100 + hundredths <= 10_000 else { throw Refusal() }
        return Percent(hundredths: whole * 100 + hundredths)
    }

    package static func text(_ percent: Percent) -> String {
        let (whole, rest) = percent.hundredths.quotientAndRemainder(dividingBy: 100)
        if rest == 0 { return "\(whole)%" }
        return rest % 10 == 0 ? "\(whole).\(rest / 10)%" : "\(whole).\(rest < 10 ? "0" : "")\(rest)%"
    }

    /// Requests of a period and the longest period of a rate.
    private static let rateCounts = 1...1_000_000_000
    private static let ratePeriods: ClosedRange<Duration> = .milliseconds(1)...(.seconds(31 * 86_400))

    static func rate(_ text: String) throws(Refusal) -> Rate {
        let words = text.split(separator: " ")
        guard words.count == 3, words[1] == "per", let count = digits(words[0].filter { $0 != "_" }) else {
            let parts = text.split { $0 == "/" || $0 == " " }
            let unit = parts.last.map(String.init) ?? ""
            let meant = parts.count == 2 && durationUnits.contains { unit.hasSuffix($0.0) }
            throw Refusal(suggestion: meant ? "\(parts[0]) per \(unit)" : nil)
        }
        // `10 per s` reads as well as `10 per 1s`.
        let isBare = durationUnits.contains { $0.0 == words[2] }
        let period = try duration(isBare ? "1\(words[2])" : String(words[2]))
        guard rateCounts.contains(count) else { throw Refusal("a rate counts from 1 to 1000000000") }
        guard ratePeriods.contains(period) else { throw Refusal("a rate's period is from 1ms to 31d") }
        return Rate(count, per: period)
    }

    package static func text(_ rate: Rate) -> String { "\(rate.count) per \(text(rate.period))" }
}
