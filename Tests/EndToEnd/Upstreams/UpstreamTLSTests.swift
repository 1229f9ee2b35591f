import Foundation
import Testing

/// HTTP/1.1 to servers behind TLS: who is trusted, what is told, and that nothing else changes.
@Suite(.timeLimit(.minutes(20))) struct UpstreamTLSTests {
    // MARK: Trust

    @Test(arguments: [
        ("localhost", ["localhost"], "", "localhost"),
        ("localhost", ["*.local", "localhost"], "", "localhost"),
        ("127.0.0.1", ["127.0.0.1"], "", nil),
        ("127.0.0.1", ["video.internal"], "name: video.internal", "video.internal"),
        ("localhost", ["*.live.internal"], "name: video.live.internal", "video.live.internal"),
    ])
    func `a server is trusted by its authority and its name or address`(
        host: String, names: [String], tls: String, told: String?
    ) throws {
        let server = try EncryptedOrigin(names: names)
        let gateway = try server.gateway(host: host, tls: tls)
        let response = try gateway.ask("/")
        #expect(response.status == 200)
        #expect(response.text == "answered")
        let agreement = try #require(server.relay.agreements.last)
        #expect(agreement.name == told)
        #expect(agreement.version == "TLSv1.3")
        #expect(agreement.application == nil || agreement.application == "http/1.1")
    }

    @Test(arguments: [
        ("localhost", ["video.internal"], Int64(0), "hostname mismatch"),
        ("127.0.0.1", ["127.0.0.2", "localhost"], 0, "IP address mismatch"),
        ("localhost", ["127.0.0.1"], 0, "hostname mismatch"),
        ("localhost", ["localhost"], 95, "certificate has expired"),
    ])
    func `a server whose certificate is not for it is not asked`(
        host: String, names: [String], age: Int64, reason: String
    ) throws {
        let server = try EncryptedOrigin(names: names, age: age)
        let gateway = try server.gateway(host: host)
        try expectDistrust(gateway, server, reason)
    }

    @Test func `a server of another authority is not asked`() throws {
        let other = try TestCredentials()
        let server = try EncryptedOrigin()
        let gateway = try server.gateway(trusting: other.authority)
        try expectDistrust(gateway, server, "unable to get local issuer certificate")
    }

    @Test func `without an authority of its own the system's are trusted`() throws {
        let server = try EncryptedOrigin()
        let gateway = try GatewayProcess(servers: ["\"https://127.0.0.1:\(server.relay.port)\""])
        try expectDistrust(gateway, server, "unable to get local issuer certificate")
    }

    @Test func `a certificate that its server has signed itself is not trusted`() throws {
        let other = try TestCredentials()
        let server = try EncryptedOrigin { options, credentials in
            options.credentials = try credentials.ownSignature()
        }
        let gateway = try server.gateway(trusting: other.authority)
        try expectDistrust(gateway, server, "self-signed certificate")
    }

    private func expectDistrust(
        _ gateway: GatewayProcess, _ server: EncryptedOrigin, _ reason: String,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        for _ in 0..<2 {
            let response = try gateway.ask("/secret")
            #expect(response.status == 502, sourceLocation: sourceLocation)
            let detail = response.problem(sourceLocation: sourceLocation)["detail"] as? String
            #expect(detail?.contains("certificate is not trusted") == true, sourceLocation: sourceLocation)
        }
        try gateway.waitUntilSaid(reason)
        let lines = try gateway.logged("/secret", count: 2)
        #expect(lines.allSatisfy { $0["outcome"] as? String == "upstream.connect" }, "\(lines)")
        #expect(server.origin.requests.isEmpty, "nothing was told", sourceLocation: sourceLocation)
        #expect(server.relay.agreements.isEmpty, sourceLocation: sourceLocation)
        try gateway.waitUntilNothingIsOpen()
    }

    @Test func `who does not verify trusts anybody and is warned`() throws {
        let server = try EncryptedOrigin(names: ["video.internal"], age: 95)
        let gateway = try GatewayProcess(
            servers: ["\"https://127.0.0.1:\(server.relay.port)\""], upstream: "tls: { verify: false }")
        #expect(try gateway.ask("/").text == "answered")
        let checked = try ChildProcess.run(GatewayProcess.binary, ["check", gateway.settingsFile.path])
        #expect(checked.errors.contains("verify is off"))
    }

    // MARK: Handshakes

    @Test func `the gateway shows its certificate to who asks`() throws {
        let server = try EncryptedOrigin { $0.authorities = $1.authority }
        let shown = try server.credentials.leaf(["gateway.internal"], use: .serverAndClient)
        let gateway = try server.gateway(tls: "certificate: \(shown.certificate), key: \(shown.key)")
        #expect(try gateway.ask("/").text == "answered")
        #expect(server.relay.agreements.last?.subject == "/CN=gateway.internal")
    }

    @Test(arguments: [TLSVersions.old, TLSVersions.new])
    func `a server that wants a certificate and gets none is told of in the log`(version: Int32) throws {
        let server = try EncryptedOrigin { options, credentials in
            options.authorities = credentials.authority
            options.maximum = version
        }
        let gateway = try server.gateway()
        let response = try gateway.ask("/")
        #expect(response.status == 502)
        _ = response.problem()
        try gateway.waitUntilSaid("certificate required", or: "handshake failure")
        #expect(server.origin.requests.isEmpty)
    }

    @Test(arguments: [(TLSVersions.old, "TLSv1.2"), (TLSVersions.new, "TLSv1.3")])
    func `servers that speak one version are spoken to in it`(version: Int32, name: String) throws {
        let server = try EncryptedOrigin { options, _ in
            (options.minimum, options.maximum) = (version, version)
        }
        let gateway = try server.gateway()
        #expect(try gateway.ask("/").text == "answered")
        #expect(try gateway.ask("/").text == "answered")
        #expect(server.relay.agreements.map(\.version) == [name])
    }

    @Test func `a server that speaks in plain is told of`() throws {
        let origin = try ScriptedOrigin(
            .expectBytes(1), .respond(400, body: "in plain"), .waitUntilPeerLeaves)
        defer { origin.stop() }
        let gateway = try GatewayProcess(
            servers: ["\"https://127.0.0.1:\(origin.port)\""], upstream: "tls: { verify: false }")
        let response = try gateway.ask("/")
        #expect(response.status == 502)
        #expect((response.problem()["detail"] as? String)?.contains("TLS with it failed") == true)
        try gateway.waitUntilSaid("wrong version number")
        #expect(origin.requests.isEmpty)
    }

    @Test func `a server that leaves in the handshake is told of`() throws {
        let origin = try ScriptedOrigin(.expectBytes(1), .close)
        defer { origin.stop() }
        let gateway = try GatewayProcess(
            servers: ["\"https://127.0.0.1:\(origin.port)\""], upstream: "tls: { verify: false }")
        #expect(try gateway.ask("/").status == 502)
        try gateway.waitUntilSaid("reason")
    }

    @Test func `a server that does not go on with the handshake runs out of time`() throws {
        let origin = try ScriptedOrigin(.waitUntilPeerLeaves)
        defer { origin.stop() }
        let gateway = try GatewayProcess(
            servers: ["\"https://127.0.0.1:\(origin.port)\""],
            upstream: "connect_timeout: 100ms, tls: { verify: false }")
        #expect(try gateway.ask("/").status == 504)
        #expect(try origin.end() == .peerClosed)
        try gateway.waitUntilNothingIsOpen()
    }

    @Test func `of two servers the one that is trusted answers`() throws {
        let good = try EncryptedOrigin()
        let bad = try EncryptedOrigin(names: ["127.0.0.1"], age: 95)
        let servers = [bad, good].map { "\"https://127.0.0.1:\($0.relay.port)\"" }
        let both = try good.credentials.file(
            [good, bad].map { try String(contentsOfFile: $0.credentials.authority, encoding: .utf8) }
                .joined())
        let gateway = try GatewayProcess(servers: servers, upstream: "tls: { authorities: \(both) }")
        for _ in 0..<4 { #expect(try gateway.ask("/").text == "answered") }
        #expect(bad.origin.requests.isEmpty)
    }
}

/// As OpenSSL numbers them.
enum TLSVersions {
    static let old: Int32 = 0x0303
    static let new: Int32 = 0x0304
}

extension GatewayProcess {
    /// Waits until its own log says one or the other.
    func waitUntilSaid(_ words: String, or others: String) throws {
        try eventually("'\(words)' or '\(others)' in: \(standardError)") {
            said(words) + said(others) > 0 ? true : nil
        }
    }
}
