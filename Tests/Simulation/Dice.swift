import Pipeline

/// Every choice of a schedule comes from here, so that its seed tells all of them.
struct Dice {
    private var source: RandomSource

    init(seed: UInt64) { source = RandomSource(seed: seed) }

    mutating func below(_ bound: Int) -> Int { Int(truncatingIfNeeded: source.next() >> 1) % max(1, bound) }

    mutating func within(_ range: ClosedRange<Int>) -> Int { range.lowerBound + below(range.count) }

    mutating func chance(_ percent: Int) -> Bool { below(100) < percent }

    mutating func pick<Element>(_ elements: [Element]) -> Element { elements[below(elements.count)] }

    /// Nanoseconds: up to so many microseconds, and never the same instant for two.
    mutating func delay(upTo microseconds: Int) -> Int64 { Int64(below(microseconds * 1000)) + 1 }

    mutating func bytes(_ count: Int) -> [UInt8] {
        (0..<count).map { _ in UInt8(truncatingIfNeeded: source.next()) }
    }

    mutating func word() -> UInt64 { source.next() }
}
