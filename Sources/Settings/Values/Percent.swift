/// A share between 0 % and 100 %, exact to a hundredth of a percent.
package struct Percent: Hashable, Comparable, Sendable {
    /// 0 to 10,000.
    package var hundredths: Int

    package init(hundredths: Int) { self.hundredths = hundredths }

    /// 0 to 1.
    package var fraction: Double { Double(hundredths) / 10_000 }

    package static func < (left: Percent, right: Percent) -> Bool { left.hundredths < right.hundredths }
}
