import Foundation

// What tests of the life cycle do to a gateway again and again.
extension GatewayProcess {
    /// How often the gateway's own log says something.
    func said(_ words: String) -> Int { standardError.components(separatedBy: words).count - 1 }

    /// Waits until its own log says something, so many times in all.
    func waitUntilSaid(_ words: String, times: Int = 1, within limit: Duration = .seconds(5)) throws {
        do {
            try eventually(
                "'\(words)'", within: limit,
                holds: {
                    if said(words) >= times { return true }
                    guard let exit = process.exit else { return false }
                    throw NotReady(reason: "it ended with \(exit)", standardError: standardError)
                })
        } catch is TimedOut {
            throw TimedOut(what: "'\(words)' \(times) times in: \(standardError)")
        }
    }

    /// Puts new settings in force.
    func reload(_ settings: String) throws {
        let before = said("settings reloaded")
        try rewriteSettings(settings)
        signal(SIGHUP)
        try waitUntilSaid("settings reloaded", times: before + 1)
    }

    /// Has new settings read that are refused.
    func reloadInVain(_ settings: String) throws {
        let before = said("settings refused")
        try rewriteSettings(settings)
        signal(SIGHUP)
        try waitUntilSaid("settings refused", times: before + 1)
    }

    /// Asks once, on a connection of its own.
    func ask(_ path: String, port: UInt16? = nil) throws -> RawResponse {
        let client = try RawClient(port: port ?? ports.gateway)
        defer { client.close() }
        return try client.ask(get(path))
    }

    /// Whether anybody takes connections on a port.
    static func takesConnections(_ port: UInt16) -> Bool {
        guard let socket = try? TestSocket.connect(port: port, within: .seconds(1)) else { return false }
        socket.close()
        return true
    }
}

/// A WebSocket connection as a tunnel carries it: every byte comes back.
final class EchoTunnel {
    private let client: RawClient

    static let upgrade = get(
        "/socket", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")

    /// What an origin of such tunnels does, for messages of five bytes.
    static let script: [ScriptedOrigin.Step] = [
        .expectRequest,
        .send(
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                + "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"),
        .forever([.expectBytes(5), .send("again")]),
    ]

    init(_ gateway: GatewayProcess) throws {
        client = try gateway.client()
        try client.send(Self.upgrade)
        let head = try client.read(through: "\r\n\r\n")
        guard head.hasPrefix("HTTP/1.1 101 ") else { throw MalformedMessage.head(head) }
    }

    /// One message there and back.
    func echo() throws -> String {
        try client.send("hello")
        return String(decoding: try client.read(5), as: UTF8.self)
    }

    /// Everything that still comes until the tunnel's end.
    func readToEnd() throws -> [UInt8] { try client.readToEnd() }
}
