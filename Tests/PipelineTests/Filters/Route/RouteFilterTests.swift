import Bytes
import Pipeline
import Telemetry
import Testing

@Suite struct RouteFilterTests {
    private func filter() throws -> RouteFilter {
        RouteFilter(
            table: RouteTable([
                try entry("orders", "/orders/*", methods: ["GET", "POST"]),
                try entry("host", "/h", hosts: [.exact("h.test")]),
            ]))
    }

    @Test(
        arguments: [
            ("GET /orders/1 HTTP/1.1\nHost: a", nil), ("DELETE /orders/1 HTTP/1.1\nHost: a", 405),
            ("GET /nowhere HTTP/1.1\nHost: a", 404), ("GET /%00 HTTP/1.1\nHost: a", 400),
            ("GET /orders/../../etc HTTP/1.1\nHost: a", 400), ("OPTIONS * HTTP/1.1\nHost: a", 204),
            ("GET /healthz HTTP/1.1\nHost: anything.test", 200), ("HEAD /healthz HTTP/1.1\nHost: a", 200),
            ("POST /healthz HTTP/1.1\nHost: a", 404),
        ] as [(String, Int?)])
    func `a request finds its route, the gateway's own answer, or a refusal`(request: String, status: Int?)
        throws
    {
        let filter = try filter()
        #expect(try withState(request) { filter.decide(&$0, isReady: true).status } == status)
    }

    @Test func `a path is matched and forwarded in its one normal form`() throws {
        let filter = try filter()
        try withState("GET /x/..//orders/%7Ea/./b HTTP/1.1\nHost: a") { state in
            #expect(filter.decide(&state, isReady: true).status == nil)
            let path = state.path.text()
            #expect(path == "/orders/~a/b")
            let name = state.plan?.name.view.text()
            #expect(name == "orders")
        }
    }

    @Test(arguments: [(true, 200), (false, 503)])
    func `readiness is off while the gateway drains, and health is not`(isReady: Bool, status: Int) throws {
        let filter = try filter()
        #expect(
            try withState("GET /readyz HTTP/1.1\nHost: a") { filter.decide(&$0, isReady: isReady).status }
                == status)
        #expect(
            try withState("GET /healthz HTTP/1.1\nHost: a") { filter.decide(&$0, isReady: isReady).status }
                == 200)
    }

    @Test func `a 405 says what the path takes`() throws {
        let filter = try filter()
        let allow = try withState("PUT /orders/1 HTTP/1.1\nHost: a") { state -> String? in
            guard case .respond(let response) = filter.decide(&state, isReady: true) else { return nil }
            return response.allow.map { String(decoding: $0.bytes, as: UTF8.self) }
        }
        #expect(allow == "GET, HEAD, POST")
    }
}
