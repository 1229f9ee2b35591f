extension Kind where Value == ByteRate {
    /// `240B/s`, `1KiB/s`.
    package static func byteRate(_ range: ClosedRange<ByteRate>) -> Kind {
        .scalar(
            "a speed from \(Quantity.text(range.lowerBound)) to \(Quantity.text(range.upperBound))",
            schema: .object([
                ("type", .string("string")), ("pattern", .string("^[0-9]+(B|KiB|MiB)/s$|^\\$\\{")),
            ])
        ) { text throws(Refusal) in
            let value = try Quantity.byteRate(text)
            guard range.contains(value) else { throw Refusal() }
            return value
        } write: {
            Quantity.text($0)
        }
    }
}

extension Quantity {
    static func byteRate(_ text: String) throws(Refusal) -> ByteRate {
        guard text.hasSuffix("/s") else {
            let isPlain = text.last.map { $0.isNumber || $0 == "B" } ?? false
            let unit = text.last?.isNumber == true ? "B/s" : "/s"
            throw Refusal("a speed is written as 240B/s", suggestion: isPlain ? text + unit : nil)
        }
        let size = String(text.dropLast(2))
        // Without a unit it could be bits.
        guard size.last?.isNumber != true else {
            throw Refusal("a speed is written as 240B/s", suggestion: "\(size)B/s")
        }
        return ByteRate(try bytes(size))
    }

    package static func text(_ rate: ByteRate) -> String {
        let size = text(bytes: rate.bytesPerSecond)
        return size.last?.isNumber == true ? "\(size)B/s" : "\(size)/s"
    }
}
