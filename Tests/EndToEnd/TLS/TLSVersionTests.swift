import Testing

/// Versions of TLS and of HTTP, as client and gateway agree on them.
@Suite struct TLSVersionTests {
    private let files: TLSFiles
    private let origin: ScriptedOrigin

    init() throws {
        files = try TLSFiles()
        origin = try .answering(body: "answered")
    }

    private func gateway(_ tls: String = "", listener: String = "") throws -> GatewayProcess {
        try GatewayProcess(tls: [try files.leaf("site")], before: origin, tls: tls, listener: listener)
    }

    @Test func `TLS 1_2 and 1_3 are spoken, what is older is refused`() throws {
        let gateway = try gateway()
        #expect(try gateway.tls(.only(.tls13)).version == "TLSv1.3")
        #expect(try gateway.tls(.only(.tls12)).version == "TLSv1.2")
        #expect(try gateway.tls().version == "TLSv1.3", "the newest that both speak")
        #expect(try gateway.refusal(of: .only(.tls11)) == "tlsv1 alert protocol version")
        #expect(try gateway.refusal(of: .only(.tls10)) == "tlsv1 alert protocol version")
    }

    @Test func `min_version 1_3 refuses 1_2`() throws {
        let gateway = try gateway("min_version: \"1.3\"")
        #expect(try gateway.tls().version == "TLSv1.3")
        #expect(try gateway.refusal(of: .only(.tls12)) == "tlsv1 alert protocol version")
    }

    private static let offers: [([String], String?)] = [
        (["h2", "http/1.1"], "h2"), (["http/1.1", "h2"], "h2"), (["h2"], "h2"), (["http/1.1"], "http/1.1"),
        (["h3", "http/1.0", "http/1.1"], "http/1.1"), ([], nil),
    ]

    @Test(arguments: offers)
    func `of the protocols that are offered the gateway takes the one that it likes best`(
        offered: [String], taken: String?
    ) throws {
        let gateway = try gateway()
        for version in [TLSWish.Version.tls12, .tls13] {
            var wish = TLSWish.only(version)
            wish.applications = offered
            let socket = try gateway.tls(wish)
            #expect(socket.application == taken)
            if taken == "h2" {
                let client = HTTP2Client(socket: socket)
                try client.greet()
                #expect(try client.ask(1).text == "answered")
                #expect(client.violations.isEmpty)
            } else {
                #expect(try RawClient(socket: socket).ask(get("/")).text == "answered")
            }
        }
    }

    @Test(arguments: [["h3"], ["spdy/3", "http/1.0"], ["h2c"], ["H2"], ["http/1.1x", "http/1."]])
    func `nothing in common is an alert, not a guess`(offered: [String]) throws {
        let gateway = try gateway()
        for version in [TLSWish.Version.tls12, .tls13] {
            var wish = TLSWish.only(version)
            wish.applications = offered
            #expect(try gateway.refusal(of: wish) == "tlsv1 alert no application protocol")
        }
    }

    @Test func `protocols of a listener bound what is agreed on`() throws {
        let old = try gateway(listener: "protocols: [http/1.1]")
        #expect(try old.tls(TLSWish("localhost", ["h2", "http/1.1"])).application == "http/1.1")
        #expect(
            try old.refusal(of: TLSWish("localhost", ["h2"])) == "tlsv1 alert no application protocol")
        let reversed = try gateway(listener: "protocols: [http/1.1, h2]")
        #expect(try reversed.tls(TLSWish("localhost", ["h2", "http/1.1"])).application == "http/1.1")
        let new = try gateway(listener: "protocols: [h2]")
        #expect(try new.tls(TLSWish("localhost", ["h2", "http/1.1"])).application == "h2")
        #expect(
            try new.refusal(of: TLSWish("localhost", ["http/1.1"])) == "tlsv1 alert no application protocol")
    }
}
