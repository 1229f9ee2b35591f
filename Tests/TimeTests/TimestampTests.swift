import Testing
import Time

@Suite struct TimestampTests {
    @Test(arguments: [
        ("1970-01-01", 0), ("1970-01-01T00:00:01Z", 1), ("2000-02-29T12:00:00Z", 951_825_600),
        ("2026-11-29T13:23:34Z", 1_795_958_614), ("2261-12-31", 9_214_560_000),
    ])
    func `a time as people write it is read and written`(_ text: String, _ seconds: Int64) throws {
        let time = try #require(WallTime(timestamp: text))
        #expect(time.seconds == seconds)
        #expect(time.timestamp == (text.count == 10 ? text + "T00:00:00Z" : text))
    }

    @Test func `a fraction counts, and every second of a century comes back`() throws {
        #expect(WallTime(timestamp: "1970-01-01T00:00:00.25Z")?.nanoseconds == 250_000_000)
        #expect(WallTime(timestamp: "1970-01-01T00:00:00.123456789Z")?.nanoseconds == 123_456_789)
        for seconds in stride(from: Int64(0), to: 9_000_000_000, by: 86_399 * 17) {
            let time = WallTime(nanoseconds: seconds * 1_000_000_000)
            #expect(WallTime(timestamp: time.timestamp) == time)
        }
    }

    @Test(arguments: [
        "", "2026", "2026-13-01", "2026-02-30", "2026-00-10", "2026-1-01", "2026-11-29 13:23:34Z",
        "2026-11-29T13:23:34", "2026-11-29T24:00:00Z", "2026-11-29T13:60:34Z", "2026-11-29T13:23:60Z",
        "2026-11-29T13:23:34+01:00", "2026-11-29T13:23:34.Z", "2026-11-29T13:23:34.1234567890Z",
        "1969-12-31", "2262-01-01", "+026-11-29", "2026-11-29T", "tomorrow", "2026-11-29T13:23:34.1x5Z",
    ])
    func `what is no time is none`(_ text: String) { #expect(WallTime(timestamp: text) == nil) }
}
