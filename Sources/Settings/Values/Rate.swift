/// So many in so long: `100 per 15m`.
package struct Rate: Hashable, Sendable {
    /// At least 1.
    package var count: Int
    /// At least one millisecond.
    package var period: Duration

    package init(_ count: Int, per period: Duration) {
        self.count = count
        self.period = period
    }
}
