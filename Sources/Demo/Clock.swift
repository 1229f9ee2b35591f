import Glibc

/// Civil time in the forms that answers show.
// SAFETY: the structs are variables of the calling function, passed by address for the call only.
enum Clock {
    private struct Civil {
        let year: Int32, month: Int32, day: Int32, weekday: Int32
        let hour: Int32, minute: Int32, second: Int32, millisecond: Int32
    }

    /// `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110 §5.6.7).
    static func httpDate() -> String {
        let time = now()
        let day = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"][Int(time.weekday)]
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        return "\(day), \(padded(time.day)) \(months[Int(time.month) - 1]) \(time.year) "
            + "\(padded(time.hour)):\(padded(time.minute)):\(padded(time.second)) GMT"
    }

    /// `1994-11-06T08:49:37.123Z` (RFC 3339).
    static func timestamp() -> String {
        let time = now()
        return "\(time.year)-\(padded(time.month))-\(padded(time.day))T"
            + "\(padded(time.hour)):\(padded(time.minute)):\(padded(time.second))."
            + "\(padded(time.millisecond, width: 3))Z"
    }

    private static func now() -> Civil {
        var moment = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &moment)
        var time = unsafe tm()
        unsafe gmtime_r(&moment.tv_sec, &time)
        return unsafe Civil(
            year: time.tm_year + 1900, month: time.tm_mon + 1, day: time.tm_mday, weekday: time.tm_wday,
            hour: time.tm_hour, minute: time.tm_min, second: time.tm_sec,
            millisecond: Int32(moment.tv_nsec / 1_000_000))
    }

    private static func padded(_ value: Int32, width: Int = 2) -> String {
        let digits = String(value)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
}
