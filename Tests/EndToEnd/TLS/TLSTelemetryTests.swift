import Testing

/// What logs and metrics say of requests that came by TLS.
@Suite struct TLSTelemetryTests {
    @Test func `the access log tells scheme, protocol and address`() throws {
        let files = try TLSFiles()
        let origin = try ScriptedOrigin.answering(body: "answered")
        let gateway = try GatewayProcess(tls: [try files.leaf("site")], before: origin)
        try gateway.ask(TLSWish(), "/one")
        let client = try gateway.secureHTTP2()
        #expect(try client.ask(1, "/two").status == 200)
        let one = try #require(try gateway.logged("/one").first)
        let two = try #require(try gateway.logged("/two").first)
        #expect(one["scheme"] as? String == "https")
        #expect(one["protocol"] as? String == "HTTP/1.1")
        #expect(two["scheme"] as? String == "https")
        #expect(two["protocol"] as? String == "HTTP/2")
        for request in try origin.requests(2) {
            #expect(request.value("X-Forwarded-Proto") == "https")
            #expect(request.value("X-Forwarded-Port") == "\(gateway.ports.gateway)")
        }
        #expect(try gateway.metric("floodgate_http2_streams_open") == 0)
        #expect(try gateway.handshakes("full") == 2)
        client.close()
        try gateway.waitUntilNobodyIsThere()
    }
}
