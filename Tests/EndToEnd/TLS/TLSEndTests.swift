import Foundation
import Testing

/// How connections under TLS end: with a word, without one, half, and in a drain.
@Suite struct TLSEndTests {
    private let files: TLSFiles
    private let origin: ScriptedOrigin

    init() throws {
        files = try TLSFiles()
        origin = try .answering(body: "answered")
        try files.leaf("site")
    }

    private func gateway(
        before other: ScriptedOrigin? = nil, listener: String = "", top: String = ""
    ) throws -> GatewayProcess {
        try GatewayProcess(
            tls: [files.entry("site")], before: other ?? origin, listener: listener, top: top)
    }

    @Test func `who says that nothing more comes still gets the answers, and the word back`() throws {
        let gateway = try gateway()
        for version in [TLSWish.Version.tls12, .tls13] {
            let socket = try gateway.tls(.only(version))
            let client = RawClient(socket: socket)
            try client.send(get("/one") + get("/two"))
            try socket.sayClosed()
            #expect(try client.response().text == "answered")
            #expect(try client.response().text == "answered")
            #expect(try client.readToEnd().isEmpty)
            #expect(socket.wasClosedInOrder)
        }
        try gateway.waitUntilNobodyIsThere()
    }

    @Test func `who ends the sending side of the socket has left, as in plain`() throws {
        let holding = try ScriptedOrigin(.expectRequest, .waitUntilPeerLeaves)
        let gateway = try gateway(before: holding)
        let socket = try gateway.tls()
        try socket.send(Array(get("/").utf8), Deadline(in: .seconds(5)))
        _ = try holding.requests(1)
        socket.finishSending()
        _ = try holding.end()
        try gateway.waitUntilNothingIsOpen()
    }

    @Test func `a request body that is cut, with a word or without, is not passed on as whole`() throws {
        for saysClosed in [true, false] {
            let origin = try ScriptedOrigin(.expectRequest, .respond())
            let gateway = try gateway(before: origin)
            let socket = try gateway.tls()
            try socket.send(
                Array(request("POST / HTTP/1.1", ["Content-Length: 10"]).utf8) + Array("half".utf8),
                Deadline(in: .seconds(5)))
            if saysClosed { try socket.sayClosed() } else { socket.finishSending() }
            #expect(try origin.end() != .finished)
            #expect(origin.requests.isEmpty)
        }
    }

    @Test func `clients that vanish leave nothing open`() throws {
        let holding = try ScriptedOrigin(.expectHead, .waitUntilPeerLeaves)
        let gateway = try gateway(before: holding)
        for index in 0..<12 {
            let socket = try gateway.tls(TLSWish("localhost", index % 2 == 0 ? [] : ["h2"]))
            if index % 2 == 0 {
                try socket.send(Array(get("/").utf8), Deadline(in: .seconds(5)))
            } else {
                let client = HTTP2Client(socket: socket)
                try client.greet()
                for stream: UInt32 in [1, 3, 5] { try client.request(stream) }
                if index % 4 == 1 { try client.settle() }
            }
            if index % 3 == 0 { socket.reset() } else { socket.close() }
        }
        try gateway.waitUntilNobodyIsThere()
        #expect(try gateway.metric("floodgate_http2_streams_open") == 0)
    }

    @Test(arguments: [false, true])
    func `a drain lets what is being answered come to its end`(isHTTP2: Bool) throws {
        let gate = Gate()
        let holding = try ScriptedOrigin(.expectRequest, .waitFor(gate), .respond(body: "late"))
        let gateway = try GatewayProcess { ports in
            """
            workers: 1
            listeners:
              - { address: 127.0.0.1:\(ports.gateway), tls: { certificates: [\(files.entry("site"))] } }
            admin: { address: 127.0.0.1:\(ports.admin) }
            drain: { announce: 0s, deadline: 30s }
            upstreams: { app: { servers: [127.0.0.1:\(holding.port)] } }
            routes: [{ path: /*, upstream: app }]
            """
        }
        if isHTTP2 {
            let client = try gateway.secureHTTP2()
            try client.request(1)
            _ = try holding.requests(1)
            gateway.signal(SIGTERM)
            try client.wait(for: "GOAWAY") { !client.goAways.isEmpty }
            gate.open()
            #expect(try client.answer(1).text == "late")
            try client.waitForEnd()
        } else {
            let socket = try gateway.tls()
            let client = RawClient(socket: socket)
            try client.send(get("/"))
            _ = try holding.requests(1)
            gateway.signal(SIGTERM)
            try gateway.waitUntilSaid("draining")
            gate.open()
            let response = try client.response()
            #expect(response.text == "late")
            #expect(response.value("Connection") == "close")
            #expect(try client.readToEnd().isEmpty)
            #expect(socket.wasClosedInOrder)
        }
        #expect(try gateway.process.waitUntilExit(within: .seconds(10)) == .code(0))
        #expect(gateway.said("connections cut") == 0)
    }

    @Test(arguments: [["h2"], ["http/1.1"]])
    func `a handshake that ends behind the closed doors does not hold the drain up`(offered: [String]) throws
    {
        let gateway = try GatewayProcess { ports in
            """
            workers: 1
            listeners:
              - { address: 127.0.0.1:\(ports.gateway), tls: { certificates: [\(files.entry("site"))] } }
            admin: { address: 127.0.0.1:\(ports.admin) }
            drain: { announce: 0s, deadline: 60s }
            clients: { head_timeout: 60s, idle_timeout: 60s }
            upstreams: { app: { servers: [127.0.0.1:\(origin.port)] } }
            routes: [{ path: /*, upstream: app }]
            """
        }
        let socket = try TestSocket.connect(port: gateway.ports.gateway)
        // Whoever is served behind it was accepted later: the first is in.
        #expect(try gateway.ask(TLSWish()).response.status == 200)
        gateway.signal(SIGTERM)
        try eventually("closed doors", holds: { !GatewayProcess.takesConnections(gateway.ports.gateway) })
        let tls = try TLSSocket(over: socket, TLSWish("localhost", offered))
        try tls.shakeHands(Deadline(in: .seconds(10)))
        if offered == ["h2"] { try HTTP2Client(socket: tls).greet() }
        #expect(try gateway.process.waitUntilExit(within: .seconds(15)) == .code(0))
        #expect(gateway.said("connections cut") == 0)
        _ = tls
    }

    // MARK: PROXY protocol

    private static let version1 = Array("PROXY TCP4 192.0.2.7 198.51.100.1 4711 443\r\n".utf8)
    private static let version2: [UInt8] =
        [0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A, 0x21, 0x11, 0, 12]
        + [192, 0, 2, 7, 198, 51, 100, 1, 0x12, 0x67, 0x01, 0xBB]

    @Test(arguments: ["v1", "v2", "any"], [[], ["h2"]])
    func `the PROXY protocol comes before TLS, in any cut`(version: String, offered: [String]) throws {
        let gateway = try gateway(
            listener: "proxy_protocol: \(version)", top: "trusted_proxies: [127.0.0.1]")
        let head = version == "v1" ? Self.version1 : Self.version2
        for cut in [0, 1, head.count - 1] {
            let socket = try TestSocket.connect(port: gateway.ports.gateway)
            let deadline = Deadline(in: .seconds(10))
            if cut > 0 { try socket.send(Array(head[..<cut]), deadline) }
            try socket.send(Array(head[cut...]), deadline)
            let tls = try TLSSocket(over: socket, TLSWish("localhost", offered))
            try tls.shakeHands(deadline)
            if offered.isEmpty {
                #expect(try RawClient(socket: tls).ask(get("/")).status == 200)
            } else {
                let client = HTTP2Client(socket: tls)
                try client.greet()
                #expect(try client.ask(1).status == 200)
            }
        }
        for request in try origin.requests(3) {
            #expect(request.value("X-Real-IP") == "192.0.2.7")
            #expect(request.value("X-Forwarded-Proto") == "https")
        }
    }

    @Test func `a head of the PROXY protocol and the whole handshake in one packet`() throws {
        let gateway = try gateway(listener: "proxy_protocol: v2", top: "trusted_proxies: [127.0.0.1]")
        let hello = try ClientHello.make()
        let socket = try TestSocket.connect(port: gateway.ports.gateway)
        try socket.send(Self.version2 + hello, Deadline(in: .seconds(5)))
        // The server's first flight: a handshake record.
        #expect(try socket.receive(Deadline(in: .seconds(5))).first == 0x16)
    }

    @Test func `handshakes are bounded for whom a balancer names, not for the balancer`() throws {
        let folder = files.path("socket")
        let gateway = try GatewayProcess { ports in
            """
            workers: 1
            listeners:
              - { address: 127.0.0.1:\(ports.gateway) }
              - address: unix:\(folder)
                proxy_protocol: v1
                tls: { certificates: [\(files.entry("site"))] }
            admin: { address: 127.0.0.1:\(ports.admin) }
            drain: { announce: 0s, deadline: 1s }
            clients: { handshakes_per_second: 1 }
            upstreams: { app: { servers: [127.0.0.1:\(origin.port)] } }
            routes: [{ path: /*, upstream: app }]
            """
        }
        func shakesHands(_ address: String) throws -> Bool {
            let socket = try TestSocket.connect(unix: folder)
            let deadline = Deadline(in: .seconds(10))
            let head = Array("PROXY TCP4 \(address) 198.51.100.1 4711 443\r\n".utf8)
            do {
                try socket.send(head, deadline)
                let tls = try TLSSocket(over: socket, TLSWish())
                try tls.shakeHands(deadline)
                return true
            } catch {
                return false
            }
        }
        var refused = 0
        for _ in 0..<12 where try !shakesHands("192.0.2.7") { refused += 1 }
        #expect(refused > 0)
        #expect(try shakesHands("192.0.2.8"))
        #expect(gateway.process.exit == nil)
        #expect(try gateway.handshakes("refused") == refused)
        try gateway.waitUntilNobodyIsThere()
    }
}
