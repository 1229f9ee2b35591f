import Pipeline
import Testing

@Suite struct BodyLimitFilterTests {
    @Test(
        arguments: [
            ("POST / HTTP/1.1\nHost: a\nContent-Length: 100", nil),
            ("POST / HTTP/1.1\nHost: a\nContent-Length: 101", 413),
            ("POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked", nil),
            ("GET / HTTP/1.1\nHost: a", nil),
        ] as [(String, Int?)])
    func `a length above the limit is refused by the head alone`(head: String, status: Int?) throws {
        let filter = BodyLimitFilter(limit: 100)
        #expect(try withState(head) { filter.decide(&$0).status } == status)
    }
}
