import Pipeline
import Testing

@Suite struct SecureRedirectFilterTests {
    @Test(
        arguments: [
            ("GET /a?b=c HTTP/1.1\nHost: a.test", 443, 308), ("GET /a HTTP/1.1\nHost: a.test", nil, nil),
            ("GET /healthz HTTP/1.1\nHost: a.test", 443, nil), ("GET /a HTTP/1.0", 443, nil),
        ] as [(String, UInt16?, Int?)])
    func `a listener that redirects does so with all but health checks and requests without a host`(
        head: String, port: UInt16?, status: Int?
    ) throws {
        let answered = try withState(head) { state in
            state.redirectPort = port
            return SecureRedirectFilter.decide(state).status
        }
        #expect(answered == status)
    }
}
