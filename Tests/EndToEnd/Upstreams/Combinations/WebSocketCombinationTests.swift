import Foundation
import Testing

/// WebSocket through every combination of peers: what one says the other hears, and how it ends.
@Suite(.timeLimit(.minutes(20))) struct WebSocketCombinationTests {
    private static let route = "upgrade: [websocket]"

    @Test(arguments: Combination.switching)
    func `messages small and large come back`(combination: Combination) throws {
        let origin = try WebSocketOrigin()
        defer { origin.stop() }
        let house = try CombinationHouse(combination, before: origin.port, route: Self.route)
        let client = try house.conversation()
        #expect(try client.upgrade("/socket") == (combination.client.isHTTP2 ? 200 : 101))
        var position = 0
        for size in [1, 5, 125, 4000, 16_384, 30_000] + Array(repeating: 30_000, count: 30) {
            let message = Pattern.bytes(from: position, count: size)
            try client.send(message)
            #expect(try client.receive(size, behind: position) == message)
            position += size
        }
        // A close handshake: the code comes back.
        let close: [UInt8] = [0x88, 0x02, 0x03, 0xE8]
        try client.send(close)
        #expect(try client.receive(4, behind: position) == close)
        try client.finish()
        try client.expectEnd()
        try eventually("the end at the origin") { origin.ends == 1 ? true : nil }
        client.close()
        try house.gateway.waitUntilNothingIsOpen()
        #expect(try house.gateway.logged("/socket")[0]["outcome"] as? String == "ok")
    }

    private static let agreement = ScriptedOrigin.Step.agreeToWebSocket

    @Test(arguments: Combination.switching)
    func `the server's close code arrives, and the answer to it`(combination: Combination) throws {
        let close: [UInt8] = [0x88, 0x06, 0x10, 0xE1] + Array("done".utf8)
        let origin = try ScriptedOrigin(
            .expectRequest, Self.agreement, .sendBytes(close), .expectBytes(8), .close)
        defer { origin.stop() }
        let house = try CombinationHouse(combination, before: origin.port, route: Self.route)
        let client = try house.conversation()
        _ = try client.upgrade("/socket")
        #expect(try client.receive(close.count, behind: 0) == close)
        try client.send([0x88, 0x82, 1, 2, 3, 4, 0x11, 0xE3])
        #expect(try origin.end() == .finished)
        try client.finish()
        try client.expectEnd()
        client.close()
        try house.gateway.waitUntilNothingIsOpen()
    }

    @Test(arguments: Combination.switching)
    func `bytes behind the agreement are not lost, and each direction ends by itself`(
        combination: Combination
    ) throws {
        let origin = try ScriptedOrigin(
            .expectRequest, Self.agreement, .send("at once"), .finishSending, .expectBytes(5),
            .waitUntilHalfClosed)
        defer { origin.stop() }
        let house = try CombinationHouse(combination, before: origin.port, route: Self.route)
        let client = try house.conversation()
        _ = try client.upgrade("/socket")
        #expect(try client.receive(7, behind: 0) == Array("at once".utf8))
        try client.send(Array("still".utf8))
        try client.finish()
        #expect(try origin.end() == .finished)
        try client.expectEnd()
        client.close()
        try house.gateway.waitUntilNothingIsOpen()
    }

    @Test(arguments: Combination.switching)
    func `a server that breaks off never looks like one that has ended`(combination: Combination) throws {
        let origin = try ScriptedOrigin(.expectRequest, Self.agreement, .expectBytes(5), .reset)
        defer { origin.stop() }
        let house = try CombinationHouse(combination, before: origin.port, route: Self.route)
        let client = try house.conversation()
        _ = try client.upgrade("/socket")
        try client.send(Array("hello".utf8))
        switch client {
        case .http1(let raw): _ = try? raw.readToEnd()
        case .http2(let stream): #expect(try stream.answer(1).reset != nil)
        }
        client.close()
        try house.gateway.waitUntilNothingIsOpen()
        #expect(try house.gateway.logged("/socket")[0]["outcome"] as? String == "upstream.tunnel")
    }

    @Test(arguments: Combination.switching)
    func `a client that breaks off ends the tunnel at the server`(combination: Combination) throws {
        let origin = try ScriptedOrigin(
            .expectRequest, Self.agreement, .expectBytes(5), .waitUntilPeerLeaves)
        defer { origin.stop() }
        let house = try CombinationHouse(combination, before: origin.port, route: Self.route)
        let client = try house.conversation()
        _ = try client.upgrade("/socket")
        try client.send(Array("hello".utf8))
        switch client {
        case .http1(let raw): raw.reset()
        case .http2(let stream): try stream.send(.reset(1))
        }
        #expect([.peerClosed, .peerReset].contains(try origin.end()))
        client.close()
        try house.gateway.waitUntilNothingIsOpen()
    }

    @Test(arguments: Combination.switching)
    func `a server that refuses is heard`(combination: Combination) throws {
        let origin = try ScriptedOrigin(.expectRequest, .respond(403, body: "no"), .waitUntilPeerLeaves)
        defer { origin.stop() }
        let house = try CombinationHouse(combination, before: origin.port, route: Self.route)
        let client = try house.conversation()
        #expect(try client.upgrade("/socket") == 403)
        client.close()
        #expect(house.gateway.process.exit == nil)
    }
}
