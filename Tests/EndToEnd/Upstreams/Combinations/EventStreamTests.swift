import Foundation
import Testing

/// Server-sent events through every combination of peers: each arrives before the next one is written.
@Suite(.timeLimit(.minutes(20))) struct EventStreamTests {
    private static let events = (0..<8).map {
        "id: \($0)\ndata: \(String(repeating: "x", count: $0 * 300))\n\n"
    }
    private static let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"

    @Test(arguments: Combination.all.filter { !$0.server.isHTTP2 })
    func `events of HTTP/1.1 arrive one by one`(combination: Combination) throws {
        let gate = Gate()
        let steps = Self.events.flatMap { event -> [ScriptedOrigin.Step] in
            let chunk = String(event.utf8.count, radix: 16) + "\r\n\(event)\r\n"
            return [.send(chunk), .waitFor(gate)]
        }
        let origin = try ScriptedOrigin(scripts: [
            [.expectRequest, .send(Self.head + "Transfer-Encoding: chunked\r\n\r\n")] + steps
                + [.waitUntilPeerLeaves]
        ])
        defer { origin.stop() }
        let house = try CombinationHouse(combination, before: origin.port)
        let client = try house.conversation()
        #expect(try client.begin("/events") == 200)
        for event in Self.events {
            try client.read(through: event)
            gate.open()
        }
        client.close()
        #expect(
            [.peerClosed, .peerReset].contains(try origin.end()), "the server learns that nobody listens")
        try house.gateway.waitUntilNothingIsOpen()
    }

    @Test(arguments: Combination.all.filter(\.server.isHTTP2))
    func `events of HTTP/2 arrive one by one`(combination: Combination) throws {
        let origin = try HTTP2Origin()
        defer { origin.stop() }
        let house = try CombinationHouse(combination, before: origin.port)
        let client = try house.conversation()
        let asking = Sending { try client.begin("/events") }
        let server = try origin.accept()
        let stream = try server.request().stream
        try server.head(stream, 200, [("content-type", "text/event-stream")])
        #expect(try asking.result() == 200)
        for event in Self.events {
            try server.data(stream, event)
            try client.read(through: event)
        }
        client.close()
        #expect(try server.resetCode(stream) == HTTP2Code.cancel)
        #expect(server.violations.isEmpty)
    }

    @Test(arguments: Combination.all.filter { !$0.server.isHTTP2 })
    func `events without chunks arrive one by one, and end with their connection`(
        combination: Combination
    ) throws {
        let gate = Gate()
        let steps = Self.events.flatMap { [ScriptedOrigin.Step.send($0), .waitFor(gate)] }
        let origin = try ScriptedOrigin(scripts: [
            [.expectRequest, .send(Self.head + "Connection: close\r\n\r\n")] + steps + [.close]
        ])
        defer { origin.stop() }
        let house = try CombinationHouse(combination, before: origin.port)
        let client = try house.conversation()
        #expect(try client.begin("/events") == 200)
        for event in Self.events {
            try client.read(through: event)
            gate.open()
        }
        if case .http2 = client { try client.expectEnd() }
        if case .http1(let raw) = client { #expect(try raw.read(through: "0\r\n\r\n") == "\r\n0\r\n\r\n") }
    }
}
