import Demo
import Foundation
import Testing

/// The demo's WebSocket echo, frame by frame (RFC 6455) and with a real client.
@Suite(.timeLimit(.minutes(20))) struct DemoWebSocketTests {
    private func withClient(_ body: (RawClient) throws -> Void) throws {
        let origin = try DemoOrigin(port: 0)
        try origin.start()
        defer { origin.stop() }
        let client = try RawClient(port: origin.port)
        let answer = try client.ask(DemoOriginTests.upgrade)
        #expect(answer.status == 101)
        // The key and the answer of RFC 6455 §1.3.
        #expect(answer.value("Sec-WebSocket-Accept") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
        try body(client)
    }

    /// A client's frame, masked.
    private func frame(_ first: UInt8, _ payload: [UInt8]) -> [UInt8] {
        let mask: [UInt8] = [0x37, 0xFA, 0x21, 0x3D]
        let length: [UInt8] =
            switch payload.count {
            case 0...125: [0x80 | UInt8(payload.count)]
            case 126...0xFFFF: [0x80 | 126, UInt8(payload.count >> 8), UInt8(payload.count & 0xFF)]
            default:
                [0x80 | 127] + (0..<8).reversed().map { UInt8(truncatingIfNeeded: payload.count >> ($0 * 8)) }
            }
        return [first] + length + mask + payload.enumerated().map { $1 ^ mask[$0 & 3] }
    }

    @Test func `text binary and fragments come back and pings are answered between them`() throws {
        try withClient { client in
            try client.send(frame(0x81, Array("hello".utf8)))
            #expect(try client.read(7) == [0x81, 5] + Array("hello".utf8))
            try client.send(frame(0x82, [0, 0xFF]))
            #expect(try client.read(4) == [0x82, 2, 0, 0xFF])
            try client.send(frame(0x01, Array("fra".utf8)) + frame(0x89, [7]) + frame(0x8A, []))
            #expect(try client.read(3) == [0x8A, 1, 7])
            try client.send(frame(0x00, Array("g".utf8)) + frame(0x80, Array("ment".utf8)))
            #expect(try client.read(10) == [0x81, 8] + Array("fragment".utf8))
            try client.send(frame(0x88, [0x03, 0xE8]))
            #expect(try client.readToEnd() == [0x88, 2, 0x03, 0xE8])
        }
    }

    @Test(arguments: [0, 125, 126, 65_535, 65_536, 1_048_576])
    func `messages of every length form come back`(length: Int) throws {
        try withClient { client in
            let payload = [UInt8](repeating: 0x61, count: length)
            try client.send(frame(0x82, payload))
            let head = length <= 125 ? 2 : length <= 0xFFFF ? 4 : 10
            #expect(try client.read(head + length).dropFirst(head).elementsEqual(payload))
        }
    }

    @Test(
        arguments: [
            ([0x81, 0x01, 0x61], 1002),  // not masked
            ([0xC1, 0x80, 0, 0, 0, 0], 1002),  // a reserved bit
            ([0x83, 0x80, 0, 0, 0, 0], 1002),  // a reserved opcode
            ([0x80, 0x80, 0, 0, 0, 0], 1002),  // a continuation of nothing
            ([0x01, 0x80, 0, 0, 0, 0, 0x81, 0x80, 0, 0, 0, 0], 1002),  // a message inside another
            ([0x09, 0x80, 0, 0, 0, 0], 1002),  // a ping in fragments
            ([0x89, 0xFE, 0, 126], 1002),  // a long ping
            ([0x88, 0x81, 0, 0, 0, 0, 0x03], 1002),  // half a close code
            ([0x88, 0x82, 0, 0, 0, 0, 0x03, 0xEE], 1002),  // 1006, which is never sent
            ([0x88, 0x83, 0, 0, 0, 0, 0x03, 0xE8, 0xFF], 1007),
            ([0x81, 0x81, 0, 0, 0, 0, 0xFF], 1007),  // text that is none
            ([0x82, 0xFF, 0, 0, 0, 0, 0, 0x10, 0, 1], 1009),  // a byte too many
            ([0x82, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], 1002),
        ] as [([UInt8], Int)])
    func `frames against the protocol are answered with a close code`(bytes: [UInt8], code: Int) throws {
        try withClient { client in
            try client.send(bytes)
            #expect(try client.read(4) == [0x88, 2, UInt8(code >> 8), UInt8(code & 0xFF)])
        }
    }

    static let hasPythonClient: Bool = {
        guard let result = try? ChildProcess.run("/usr/bin/python3", ["-c", "import websockets"]) else {
            return false
        }
        return result.exit == .code(0)
    }()

    @Test(.enabled(if: hasPythonClient, "needs Debian's python3-websockets"))
    func `a real WebSocket client agrees`() throws {
        let origin = try DemoOrigin(port: 0)
        try origin.start()
        defer { origin.stop() }
        let script = """
            import asyncio, websockets
            async def main():
                async with websockets.connect("ws://127.0.0.1:\(origin.port)/api/ws") as socket:
                    for message in ["hello", "", "ü" * 1000, b"\\x00\\xff" * 40000]:
                        await socket.send(message)
                        assert await socket.recv() == message
                    await socket.send(["in ", "three ", "parts"])
                    assert await socket.recv() == "in three parts"
                    await (await socket.ping())
                assert socket.close_code == 1000, socket.close_code
                print("agreed")
            asyncio.run(main())
            """
        let result = try ChildProcess.run("/usr/bin/python3", ["-c", script])
        #expect(result.output == "agreed\n", "\(result.errors)")
    }
}
