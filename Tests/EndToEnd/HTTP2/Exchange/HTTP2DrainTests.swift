import Foundation
import Testing

/// SIGTERM with HTTP/2 connections open (RFC 9113 §6.8): what is in flight finishes, clients are told, and
/// the end comes in time.
@Suite(.whereOurs, .timeLimit(.minutes(20))) struct HTTP2DrainTests {
    private func gateway(_ origin: ScriptedOrigin, deadline: String = "5s") throws -> GatewayProcess {
        try GatewayProcess { ports in
            """
            workers: 1
            listeners: [{ address: 127.0.0.1:\(ports.gateway), \(GatewayProcess.http2) }]
            admin: { address: 127.0.0.1:\(ports.admin) }
            access_log: { flush: 10ms }
            drain: { announce: 0s, deadline: \(deadline) }
            upstreams: { app: { servers: [127.0.0.1:\(origin.port)] } }
            routes: [{ path: /*, upstream: app }]
            """
        }
    }

    @Test func `a connection without requests is told and ends`() throws {
        let origin = try ScriptedOrigin.answering(body: "ok")
        defer { origin.stop() }
        let gateway = try gateway(origin)
        let client = try gateway.http2()
        #expect(try client.ask(1).text == "ok")
        gateway.signal(SIGTERM)
        try client.waitForEnd()
        client.close()
        #expect(client.goAways.last?.code == HTTP2Code.none)
        #expect(client.goAways.last.map { $0.last == 1 } == true)
        #expect(client.violations.isEmpty)
        #expect(try gateway.process.waitUntilExit(within: .seconds(4)) == .code(0))
    }

    @Test func `streams in flight finish behind GOAWAY`() throws {
        let gates = [Gate(), Gate()]
        let origin = try ScriptedOrigin(
            scripts: gates.map {
                [.expectRequest, .waitFor($0), .respond(body: "whole"), .waitUntilPeerLeaves]
            })
        defer { origin.stop() }
        let gateway = try gateway(origin)
        let client = try gateway.http2()
        for stream: UInt32 in [1, 3] { try client.request(stream) }
        _ = try origin.requests(2)
        gateway.signal(SIGTERM)
        try client.wait(for: "GOAWAY") { !client.goAways.isEmpty }
        #expect(!client.isClosed)
        for gate in gates { gate.open() }
        for stream: UInt32 in [1, 3] { #expect(try client.answer(stream).text == "whole") }
        try client.waitForEnd()
        client.close()
        #expect(client.goAways.allSatisfy { $0.code == HTTP2Code.none && $0.last >= 3 })
        // Two steps (§6.8) are one more, and the last says which streams were taken.
        #expect(client.goAways.count <= 2)
        #expect(client.violations.isEmpty)
        #expect(try gateway.process.waitUntilExit(within: .seconds(4)) == .code(0))
        #expect(gateway.said("connections cut") == 0)
    }

    @Test func `a body that is on its way is taken whole`() throws {
        let origin = try ScriptedOrigin.answering(body: "taken")
        defer { origin.stop() }
        let gateway = try gateway(origin)
        let client = try gateway.http2()
        try client.request(1, "POST", "/body", [("content-length", "6")], .endHeaders)
        try client.send(.data(1, Array("abc".utf8)))
        try client.settle()
        gateway.signal(SIGTERM)
        try client.wait(for: "GOAWAY") { !client.goAways.isEmpty }
        try client.send(.data(1, Array("def".utf8), .endStream))
        #expect(try client.answer(1).text == "taken")
        try client.waitForEnd()
        client.close()
        #expect(String(latin1: origin.requests[0].body) == "abcdef")
        #expect(try gateway.process.waitUntilExit(within: .seconds(4)) == .code(0))
    }

    @Test func `a stream behind GOAWAY is served, refused or passed over, never half`() throws {
        let gate = Gate()
        let origin = try ScriptedOrigin(scripts: [
            [.expectRequest, .waitFor(gate), .respond(body: "whole"), .waitUntilPeerLeaves],
            [.forever([.expectRequest, .respond(body: "second")])],
        ])
        defer { origin.stop() }
        let gateway = try gateway(origin)
        let client = try gateway.http2()
        try client.request(1)
        _ = try origin.requests(1)
        gateway.signal(SIGTERM)
        try client.wait(for: "GOAWAY") { !client.goAways.isEmpty }
        try client.request(3)
        try client.settle()
        gate.open()
        #expect(try client.answer(1).text == "whole")
        try client.waitForEnd()
        client.close()
        let late = client.answer(sofar: 3)
        let isServed = late.text == "second" && late.hasEnded
        let isRefused = late.head == nil && [nil, HTTP2Code.refused].contains(late.reset)
        #expect(isServed || isRefused, "\(late)")
        // Who is passed over must be able to tell: the last GOAWAY leaves it out, or its stream was refused.
        if !isServed, late.reset == nil { #expect((client.goAways.last?.last ?? 9) < 3) }
    }

    @Test func `at the deadline what still runs is cut`() throws {
        let origin = try ScriptedOrigin(.expectRequest, .waitUntilPeerLeaves)
        defer { origin.stop() }
        let gateway = try gateway(origin, deadline: "300ms")
        let client = try gateway.http2()
        try client.request(1)
        _ = try origin.requests(1)
        gateway.signal(SIGTERM)
        try client.waitForEnd()
        client.close()
        #expect(try gateway.process.waitUntilExit(within: .seconds(3)) == .code(0))
    }
}
