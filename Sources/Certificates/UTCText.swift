import Time

/// Points in time and spans as people read them.
package enum UTCText {
    /// `2026-03-01 12:00:00 UTC`.
    package static func text(_ seconds: Int64) -> String {
        let civil = WallTime.Civil(seconds: seconds)
        let date = [padded(civil.year, 4), padded(civil.month), padded(civil.day)].joined(separator: "-")
        let time = [civil.hour, civil.minute, civil.second].map { padded($0) }.joined(separator: ":")
        return "\(date) \(time) UTC"
    }

    /// `1 day`, `30 days`.
    package static func days(_ count: Int) -> String { "\(count) \(count == 1 ? "day" : "days")" }

    private static func padded(_ value: Int, _ width: Int = 2) -> String {
        let digits = String(value)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
}
