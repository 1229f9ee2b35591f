import Foundation
import Testing

/// Clients that show who they are, and clients that only say so.
@Suite struct ClientCertificateTests {
    private let files: TLSFiles
    private let origin: ScriptedOrigin
    private static let field = "X-Client-Certificate-Subject"

    init() throws {
        files = try TLSFiles()
        origin = try .answering(body: "answered")
        try files.leaf("site")
        try files.leaf("client", ["client.test"], use: .serverAndClient)
    }

    private func gateway(_ mode: String) throws -> GatewayProcess {
        let authorities = "client_authorities: \(files.path("authority.pem"))"
        return try GatewayProcess(
            tls: [files.entry("site")], before: origin,
            tls: mode == "off" ? "" : "client_certificates: \(mode), \(authorities)")
    }

    private func wish(_ stem: String?, _ version: TLSWish.Version = .tls13, h2: Bool = false) -> TLSWish {
        var wish = TLSWish.only(version)
        if h2 { wish.applications = ["h2"] }
        if let stem { wish.certificate = (files.path("\(stem).pem"), files.path("\(stem).key")) }
        return wish
    }

    @Test(arguments: [TLSWish.Version.tls12, .tls13])
    func `required: nobody without a certificate, none of another authority`(version: TLSWish.Version) throws
    {
        let gateway = try gateway("required")
        #expect(try gateway.refusal(of: wish(nil, version))?.contains("alert") == true)
        let stranger = try TLSFiles()
        try stranger.leaf("client", ["client.test"], use: .serverAndClient)
        var foreign = TLSWish.only(version)
        foreign.certificate = (stranger.path("client.pem"), stranger.path("client.key"))
        #expect(try gateway.refusal(of: foreign)?.contains("unknown ca") == true)
        #expect(origin.requests.isEmpty, "nothing has come through")
        #expect(try gateway.ask(wish("client", version)).response.status == 200)
        #expect(try origin.requests(1)[0].value(Self.field) == "CN=client.test")
        #expect(try gateway.handshakes("failed") == 2)
    }

    @Test func `a certificate whose time is over, or that is for servers alone, is refused`() throws {
        let gateway = try gateway("required")
        try files.leaf(
            "old", ["client.test"], use: .serverAndClient, age: .seconds(100 * 86_400))
        #expect(try gateway.refusal(of: wish("old"))?.contains("expired") == true)
        #expect(try gateway.refusal(of: wish("site")) != nil)
        #expect(origin.requests.isEmpty)
    }

    @Test func `optional: with a certificate the origin hears who it is, without one nothing`() throws {
        let gateway = try gateway("optional")
        #expect(try gateway.ask(wish("client")).response.status == 200)
        #expect(try gateway.ask(wish(nil)).response.status == 200)
        let stranger = try TLSFiles()
        try stranger.leaf("client", ["client.test"], use: .serverAndClient)
        var foreign = TLSWish()
        foreign.certificate = (stranger.path("client.pem"), stranger.path("client.key"))
        #expect(try gateway.refusal(of: foreign) != nil, "a wrong one is not the same as none")
        #expect(try origin.requests(2).map { $0.value(Self.field) } == ["CN=client.test", nil])
    }

    @Test func `off: a certificate is not asked for, and nothing is said of it`() throws {
        let gateway = try gateway("off")
        #expect(try gateway.ask(wish("client")).response.status == 200)
        #expect(try origin.requests(1)[0].values(Self.field).isEmpty)
    }

    @Test func `over HTTP_2 every stream has the subject of its connection`() throws {
        let gateway = try gateway("required")
        let client = try gateway.secureHTTP2(wish("client", h2: true))
        for stream: UInt32 in [1, 3] {
            let answer = try client.ask(
                stream, "/",
                [("x-client-certificate-subject", "CN=admin"), ("x_client_certificate_subject", "a")])
            #expect(answer.status == 200)
        }
        #expect(client.violations.isEmpty)
        for request in try origin.requests(2) {
            #expect(request.values(Self.field) == ["CN=client.test"])
            #expect(!request.text.lowercased().contains("admin"))
        }
    }

    private static let claims = [
        "X-Client-Certificate-Subject: CN=admin", "x-client-certificate-subject: CN=admin",
        "X_Client_Certificate_Subject: CN=admin", "X-Client_Certificate-Subject: CN=admin",
        "X.Client.Certificate.Subject: CN=admin",
    ]

    @Test(arguments: ["off", "optional", "required"])
    func `what a client says of itself is removed, however it is written`(mode: String) throws {
        let gateway = try gateway(mode)
        let client = try gateway.secure(wish(mode == "required" ? "client" : nil))
        for claim in Self.claims {
            #expect(try client.ask(request("GET / HTTP/1.1", [claim, claim])).status == 200)
            #expect(
                try client.ask(
                    request("GET / HTTP/1.1", [claim, "Connection: \(claim.prefix { $0 != ":" })"])
                )
                .status == 200)
        }
        let body = "POST / HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n"
        try client.send(body + "0\r\n" + Self.claims.map { $0 + "\r\n" }.joined() + "\r\n")
        #expect(try client.response().status == 200)
        for request in try origin.requests(Self.claims.count * 2 + 1) {
            #expect(!request.text.contains("admin"))
            #expect(request.values(Self.field) == (mode == "required" ? ["CN=client.test"] : []))
        }
    }

    @Test func `on a plain listener the claim is removed too`() throws {
        let gateway = try GatewayProcess(before: origin)
        let client = try gateway.client()
        for claim in Self.claims { _ = try client.ask(request("GET / HTTP/1.1", [claim])) }
        for request in try origin.requests(Self.claims.count) { #expect(!request.text.contains("admin")) }
    }

    private static let subjects = [
        ("/O=Acme, Inc./CN=a\\+b", "CN=a\\+b,O=Acme\\, Inc."),
        ("/CN=line\r\nX-Admin: yes", "CN=line\\0D\\0AX-Admin: yes"),
        ("/CN=Zoë", "CN=Zo\\C3\\AB"), ("/CN=semi;colon\"quote", "CN=semi\\;colon\\\"quote"),
    ]

    @Test(arguments: subjects)
    func `a subject cannot break out of its field`(subject: String, written: String) throws {
        let gateway = try gateway("required")
        try files.client("odd", subject: subject)
        #expect(try gateway.ask(wish("odd")).response.status == 200)
        let request = try origin.requests(1)[0]
        #expect(request.value(Self.field) == written)
        #expect(request.values("X-Admin").isEmpty)
    }
}
