import Foundation
import Testing

/// Sessions that are taken up again: where, how long, and where not.
@Suite struct TLSResumptionTests {
    private let files: TLSFiles
    private let origin: ScriptedOrigin

    init() throws {
        files = try TLSFiles()
        origin = try .answering(body: "answered")
        try files.leaf("site", use: .serverAndClient)
    }

    /// A gateway with two workers: which of them takes a connection is the kernel's choice.
    private func gateway(tls: String = "", top: String = "", workers: Int = 2) throws -> GatewayProcess {
        try GatewayProcess { settings($0, tls: tls, top: top, workers: workers) }
    }

    private func settings(
        _ ports: GatewayProcess.Ports, tls: String = "", top: String = "", workers: Int = 2
    ) -> String {
        """
        workers: \(workers)
        listeners:
          - address: 127.0.0.1:\(ports.gateway)
            tls: { certificates: [\(files.entry("site"))], \(tls) }
        admin: { address: 127.0.0.1:\(ports.admin) }
        access_log: { flush: 10ms }
        drain: { announce: 0s, deadline: 1s }
        clients: { handshakes_per_second: off }
        upstreams: { app: { servers: [127.0.0.1:\(origin.port)] } }
        routes: [{ path: /*, upstream: app }]
        \(top)
        """
    }

    private func ticket(_ gateway: GatewayProcess, _ wish: TLSWish) throws -> TLSTicket {
        try #require(try gateway.ask(wish).ticket, "the gateway gives tickets")
    }

    private func keys(_ name: String, bytes: Int = 80) throws -> String {
        try files.write((0..<bytes).map { _ in UInt8.random(in: 0...255) }, name)
        return files.path(name)
    }

    @Test(arguments: [TLSWish.Version.tls12, .tls13])
    func `a ticket is good on any worker, and across reloads`(version: TLSWish.Version) throws {
        let gateway = try gateway()
        var wish = TLSWish.only(version)
        wish.session = try ticket(gateway, wish)
        for _ in 0..<12 {
            let next = try gateway.ask(wish)
            #expect(next.isResumed)
            #expect(next.response.text == "answered")
            // A TLS 1.3 ticket is used once.
            wish.session = next.ticket
        }
        try gateway.reload(settings(gateway.ports))
        for _ in 0..<4 {
            let next = try gateway.ask(wish)
            #expect(next.isResumed)
            wish.session = next.ticket
        }
        #expect(try gateway.handshakes("resumed") == 16)
        #expect(try gateway.handshakes("full") == 1)
    }

    @Test(arguments: [TLSWish.Version.tls12, .tls13], [80, 48])
    func `gateways that share keys take up each other's sessions`(version: TLSWish.Version, bytes: Int) throws
    {
        let path = try keys("tickets", bytes: bytes)
        let one = try gateway(top: "ticket_keys: [\(path)]", workers: 1)
        let other = try gateway(top: "ticket_keys: [\(path)]", workers: 1)
        let stranger = try gateway(workers: 1)
        var wish = TLSWish.only(version)
        wish.session = try ticket(one, wish)
        #expect(try other.ask(wish).isResumed)
        wish.session = try ticket(one, TLSWish.only(version))
        #expect(try !stranger.ask(wish).isResumed)
    }

    @Test(arguments: [TLSWish.Version.tls12, .tls13])
    func `the first key seals, the others open, one that is gone does not`(version: TLSWish.Version) throws {
        let (old, new) = (try keys("old"), try keys("new"))
        let gateway = try gateway(top: "ticket_keys: [\(old)]", workers: 1)
        var wish = TLSWish.only(version)
        let first = try ticket(gateway, wish)
        wish.session = first
        try gateway.reload(settings(gateway.ports, top: "ticket_keys: [\(new), \(old)]", workers: 1))
        let renewed = try gateway.ask(wish)
        #expect(renewed.isResumed)
        let second = try #require(renewed.ticket)
        try gateway.reload(settings(gateway.ports, top: "ticket_keys: [\(new)]", workers: 1))
        wish.session = second
        #expect(try gateway.ask(wish).isResumed, "it was sealed anew with the first key")
        wish.session = first
        #expect(try !gateway.ask(wish).isResumed)
        try gateway.reload(settings(gateway.ports, workers: 1))
        wish.session = second
        #expect(try !gateway.ask(wish).isResumed, "the process has keys of its own again")
    }

    private static let demands: [(before: String, after: String)] = [
        ("off", "required"), ("off", "optional"), ("optional", "required"),
    ]

    @Test(arguments: demands, [TLSWish.Version.tls12, .tls13])
    func `a ticket from before a certificate was asked for is worth nothing`(
        demand: (before: String, after: String), version: TLSWish.Version
    ) throws {
        func tls(_ mode: String) -> String {
            mode == "off"
                ? "" : "client_certificates: \(mode), client_authorities: \(files.path("authority.pem"))"
        }
        let gateway = try gateway(tls: tls(demand.before), workers: 1)
        var wish = TLSWish.only(version)
        wish.session = try ticket(gateway, wish)
        try gateway.reload(settings(gateway.ports, tls: tls(demand.after), workers: 1))
        if demand.after == "required" {
            #expect(try gateway.refusal(of: wish) != nil)
        } else {
            #expect(try !gateway.ask(wish).isResumed)
        }
        #expect(try gateway.handshakes("resumed") == 0)
    }

    @Test(arguments: [TLSWish.Version.tls12, .tls13])
    func `a ticket of a listener that only asks does not open one that demands`(version: TLSWish.Version)
        throws
    {
        let gateway = try GatewayProcess(otherPorts: 1) { ports in
            let site = "certificates: [\(files.entry("site"))]"
            let authorities = "client_authorities: \(files.path("authority.pem"))"
            return """
                workers: 1
                listeners:
                  - address: 127.0.0.1:\(ports.gateway)
                    tls: { \(site), client_certificates: optional, \(authorities) }
                  - address: 127.0.0.1:\(ports.other[0])
                    tls: { \(site), client_certificates: required, \(authorities) }
                admin: { address: 127.0.0.1:\(ports.admin) }
                drain: { announce: 0s, deadline: 1s }
                upstreams: { app: { servers: [127.0.0.1:\(origin.port)] } }
                routes: [{ path: /*, upstream: app }]
                """
        }
        var wish = TLSWish.only(version)
        wish.session = try ticket(gateway, wish)
        #expect(try gateway.refusal(of: wish, port: gateway.ports.other[0]) != nil)
        wish.certificate = (files.path("site.pem"), files.path("site.key"))
        wish.session = nil
        #expect(try gateway.refusal(of: wish, port: gateway.ports.other[0]) == nil)
    }

    @Test(arguments: [TLSWish.Version.tls12, .tls13])
    func `who a client is survives with its session`(version: TLSWish.Version) throws {
        let gateway = try gateway(
            tls: "client_certificates: required, client_authorities: \(files.path("authority.pem"))",
            workers: 1)
        var wish = TLSWish.only(version)
        wish.certificate = (files.path("site.pem"), files.path("site.key"))
        wish.session = try ticket(gateway, wish)
        wish.certificate = nil
        #expect(try gateway.ask(wish).isResumed)
        let subjects = try origin.requests(2).map { $0.value("X-Client-Certificate-Subject") }
        #expect(subjects == ["CN=localhost", "CN=localhost"])
    }
}
