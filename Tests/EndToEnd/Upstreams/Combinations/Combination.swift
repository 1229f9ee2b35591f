import Foundation
import Testing

/// How a client and a server speak to the gateway between them.
struct Combination: Sendable, CustomTestStringConvertible {
    enum Speech: String, CaseIterable, Sendable {
        case http1 = "h1"
        case http1Encrypted = "h1 TLS"
        case http2 = "h2"
        case http2Encrypted = "h2 TLS"

        var isEncrypted: Bool { self == .http1Encrypted || self == .http2Encrypted }
        var isHTTP2: Bool { self == .http2 || self == .http2Encrypted }
    }

    let client: Speech
    let server: Speech
    var testDescription: String { "\(client.rawValue) to \(server.rawValue)" }

    static let all = Speech.allCases.flatMap { client in
        Speech.allCases.map { Combination(client: client, server: $0) }
    }

    /// Servers that may switch to WebSocket.
    static let switching = all.filter { !$0.server.isHTTP2 }
}

/// A gateway, and relays around it where its peers are to speak through TLS.
final class CombinationHouse {
    let gateway: GatewayProcess
    private let combination: Combination
    private let credentials: TestCredentials
    private var relays: [TLSRelay] = []

    /// - Parameter port: the server's, which speaks in plain.
    init(_ combination: Combination, before port: UInt16, route: String = "") throws {
        self.combination = combination
        credentials = try TestCredentials()
        let pair = try credentials.leaf(["localhost", "127.0.0.1"])
        var address = "127.0.0.1:\(port)"
        var upstream = combination.server.isHTTP2 ? "protocol: h2, " : ""
        if combination.server.isEncrypted {
            var options = TLSRelay.Options()
            options.credentials = pair
            options.protocols = combination.server.isHTTP2 ? ["h2"] : []
            let relay = try TLSRelay(.server, before: port, options)
            relays.append(relay)
            address = "\"https://127.0.0.1:\(relay.port)\""
            upstream += "tls: { authorities: \(credentials.authority) }"
        }
        let tls = "tls: { certificates: [{ certificate: \(pair.certificate), key: \(pair.key) }] }"
        gateway = try GatewayProcess(
            servers: [address], upstream: upstream, route: route,
            listener: combination.client.isEncrypted ? tls : GatewayProcess.http2)
    }

    deinit { for relay in relays { relay.stop() } }

    /// Where clients connect to, in plain.
    private func entrance() throws -> UInt16 {
        guard combination.client.isEncrypted else { return gateway.ports.gateway }
        var options = TLSRelay.Options()
        options.protocols = [combination.client.isHTTP2 ? "h2" : "http/1.1"]
        let relay = try TLSRelay(.client(name: "localhost"), before: gateway.ports.gateway, options)
        relays.append(relay)
        return relay.port
    }

    func conversation() throws -> Conversation {
        combination.client.isHTTP2
            ? .http2(try HTTP2Client(port: entrance())) : .http1(try RawClient(port: entrance()))
    }
}

/// One exchange of a client that reads its answer as it comes, by either version.
enum Conversation {
    case http1(RawClient)
    case http2(HTTP2Client)

    /// Asks, and reads the answer's head.
    func begin(_ path: String) throws -> Int? {
        switch self {
        case .http1(let client):
            try client.send(get(path))
            return Self.status(try client.read(through: "\r\n\r\n"))
        case .http2(let client):
            try client.greet()
            try client.request(1, "GET", path)
            return try client.head(1).status
        }
    }

    /// Asks for a WebSocket, and gives the answer's status: the one that agrees is 101 or 200.
    func upgrade(_ path: String) throws -> Int? {
        switch self {
        case .http1(let client):
            try client.send(
                get(
                    path, "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
                    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="))
            return Self.status(try client.read(through: "\r\n\r\n"))
        case .http2(let client):
            try client.greet()
            let head = [
                (":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "http"), (":path", path),
                (":authority", "here"), ("sec-websocket-version", "13"),
            ]
            try client.send(.headers(1, .fields(head), .endHeaders))
            return try client.head(1).status
        }
    }

    private static func status(_ head: String) -> Int? {
        head.split(separator: " ").dropFirst().first.flatMap { Int($0) }
    }

    /// Reads until a text that has come behind the head ends so; nothing more must have come.
    func read(through text: String) throws {
        switch self {
        case .http1(let client):
            _ = try client.read(through: text)
            // The end of its chunk.
            while client.buffered.count < 2 { _ = try client.peek() }
            #expect(client.buffered == Array("\r\n".utf8))
        case .http2(let client):
            try client.wait(for: text) { client.answer(sofar: 1).text.hasSuffix(text) }
        }
    }

    /// Bytes of a tunnel, at most as many as half a window holds.
    func send(_ bytes: [UInt8]) throws {
        switch self {
        case .http1(let client): try client.send(bytes)
        case .http2(let client):
            for start in stride(from: 0, to: bytes.count, by: HTTP2Frame.largest) {
                let end = min(start + HTTP2Frame.largest, bytes.count)
                try client.send(.data(1, Array(bytes[start..<end])))
            }
        }
    }

    /// The next bytes of a tunnel; `position` is how many were read before.
    func receive(_ count: Int, behind position: Int) throws -> [UInt8] {
        switch self {
        case .http1(let client): return try client.read(count)
        case .http2(let client):
            try client.wait(for: "\(count) bytes") { client.answer(sofar: 1).body.count >= position + count }
            try client.grant(0, count)
            try client.grant(1, count)
            return Array(client.answer(sofar: 1).body[position..<(position + count)])
        }
    }

    /// Ends the client's direction.
    func finish() throws {
        switch self {
        case .http1(let client): client.socket.finishSending()
        case .http2(let client): try client.send(.data(1, [], .endStream))
        }
    }

    /// Waits for the end of the other direction, which is an orderly one.
    func expectEnd() throws {
        switch self {
        case .http1(let client): #expect(try client.readToEnd().isEmpty)
        case .http2(let client):
            let answer = try client.answer(1)
            #expect(answer.hasEnded)
            #expect(client.violations.isEmpty)
        }
    }

    func close() {
        switch self {
        case .http1(let client): client.close()
        case .http2(let client): client.close()
        }
    }
}
