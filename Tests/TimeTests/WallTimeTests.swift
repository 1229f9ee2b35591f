import Bytes
import Testing
import Time

@Suite struct WallTimeTests {
    @Test(arguments: [
        (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),  // RFC 9110 §5.6.7
        (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
        (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
        (4_107_542_399, "Sun, 28 Feb 2100 23:59:59 GMT"),
        (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
    ])
    func `dates are written as RFC 9110 says`(seconds: Int64, expected: String) {
        #expect(
            ByteWriter.text(capacity: 64) {
                $0.write(httpDate: WallTime(nanoseconds: seconds * 1_000_000_000))
            } == expected)
    }

    @Test func `timestamps carry milliseconds`() {
        let time = WallTime(nanoseconds: 784_111_777_042_999_999)
        #expect(ByteWriter.text(capacity: 64) { $0.write(timestamp: time) } == "1994-11-06T08:49:37.042Z")
    }

    @Test func `an instant plus forever is forever`() {
        #expect(Instant(nanoseconds: 5) + .seconds(Int64.max) == .distantFuture)
        #expect(Instant(nanoseconds: 5) + .milliseconds(2) == Instant(nanoseconds: 2_000_005))
    }
}
