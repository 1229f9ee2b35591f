import Foundation
import TestIssuer

/// A gateway in which everything goes wrong somewhere: a route for each way.
final class OwnAnswerHouse {
    static let allowed = "https://app.example.com"
    static let foreign = "https://app.example.com.evil.org"

    let gateway: GatewayProcess
    private let origins: [String: ScriptedOrigin]
    private let stranger: EncryptedOrigin
    private let hole: BlackHole
    private var held: [RawClient] = []

    init() throws {
        let origins = try Self.scripts.mapValues { try ScriptedOrigin(scripts: [$0]) }
        let stranger = try EncryptedOrigin()
        let hole = try BlackHole()
        self.origins = origins
        self.stranger = stranger
        self.hole = hole
        gateway = try GatewayProcess(otherPorts: 2) { ports in
            let port = origins.mapValues { "127.0.0.1:\($0.port)" }
            return """
                workers: 1
                listeners:
                  - { address: 127.0.0.1:\(ports.gateway), protocols: [h2, http/1.1] }
                  - { address: 127.0.0.1:\(ports.other[0]), protocols: [h2, http/1.1], redirect: https }
                admin: { address: 127.0.0.1:\(ports.admin) }
                access_log: { flush: 10ms }
                drain: { announce: 0s, deadline: 1s }
                clients:
                  { head_timeout: 500ms, body_timeout: 300ms, max_body: 1KiB, max_head: 12KiB,
                    max_tunnels: 1 }
                upstreams:
                  app: { servers: [\(port["app"]!)] }
                  dead: { servers: [127.0.0.1:\(ports.other[1])] }
                  nameless: { servers: ["nowhere.invalid:80"] }
                  full: { servers: [\(port["full"]!)], connections: 1, queue: { size: 0 } }
                  waiting: { servers: [\(port["waiting"]!)], connections: 1, queue: { size: 9, wait: 50ms } }
                  hole: { servers: [127.0.0.1:\(hole.port)], connect_timeout: 100ms }
                  noTLS: { servers: ["https://\(port["noTLS"]!)"], tls: { verify: false } }
                  stranger: { servers: ["https://127.0.0.1:\(stranger.relay.port)"] }
                  slow: { servers: [\(port["slow"]!)], response_timeout: 50ms }
                  leaving: { servers: [\(port["leaving"]!)] }
                  garbage: { servers: [\(port["garbage"]!)] }
                  held: { servers: [\(port["held"]!)] }
                  sockets: { servers: [\(port["sockets"]!)] }
                identity:
                  api_keys: {}
                  signing_keys: { partner: { secret: "\(Token.secret)" } }
                  tokens:
                    joe: { secret: "\(Token.secret)", require_expiry: false }
                    far: { keys: "http://127.0.0.1:\(ports.other[1])/keys", allow_private: true }
                \(Self.policies)
                """
        }
        try spend()
    }

    deinit { for origin in origins.values { origin.stop() } }

    private static let scripts: [String: [ScriptedOrigin.Step]] = [
        "app": [.forever([.expectRequest, .respond(body: "ok")])],
        "full": [.expectRequest, .waitUntilPeerLeaves], "waiting": [.expectRequest, .waitUntilPeerLeaves],
        "noTLS": [.expectBytes(1), .sendLast("HTTP/1.1 400 Bad Request\r\n\r\n")],
        "held": [.expectRequest, .waitUntilPeerLeaves], "slow": [.expectRequest, .waitUntilPeerLeaves],
        "leaving": [.expectRequest, .close],
        "garbage": [.expectRequest, .send("no HTTP\r\n\r\n"), .close],
        "sockets": [.expectHead, .agreeToWebSocket, .waitUntilPeerLeaves],
    ]

    private static let policies = """
        cors: { origins: [\(allowed)], credentials: true }
        limits:
          spent: { rate: 1 per 1h }
          spoken: { rate: 1 per 1h, message: "Please slow down" }
          mine: { rate: 1 per 1h, by: user }
          calls: { rate: 1000 per 1h }
        x-here: &here { hosts: [here] }
        routes:
          - { <<: *here, path: /app, upstream: app }
          - { <<: *here, path: /get, methods: [GET], upstream: app }
          - { <<: *here, path: /spent, upstream: app, limits: [spent] }
          - { <<: *here, path: /spoken, upstream: app, limits: [spoken] }
          - { <<: *here, path: /mine, upstream: app, auth: required, tokens: [joe], limits: [mine] }
          - path: /rpc
            hosts: [here]
            upstream: app
            limits: [calls]
            calls: { kind: jsonrpc, max: 2, max_body: 1KiB }
          - { <<: *here, path: /rpc/elsewhere, upstream: dead }
          - { <<: *here, path: /dead, upstream: dead }
          - { <<: *here, path: /nameless, upstream: nameless }
          - { <<: *here, path: /full, upstream: full }
          - { <<: *here, path: /waiting, upstream: waiting }
          - { <<: *here, path: /hole, upstream: hole }
          - { <<: *here, path: /noTLS, upstream: noTLS }
          - { <<: *here, path: /stranger, upstream: stranger }
          - { <<: *here, path: /slow, upstream: slow }
          - { <<: *here, path: /leaving, upstream: leaving }
          - { <<: *here, path: /garbage, upstream: garbage }
          - { <<: *here, path: /inside, upstream: app, addresses: { deny: [127.0.0.0/8] } }
          - { <<: *here, path: /private, upstream: app, auth: required, credentials: [token], tokens: [joe] }
          - { <<: *here, path: /machines, upstream: app, auth: required, credentials: [api_key] }
          - { <<: *here, path: /scoped, upstream: app, auth: required, tokens: [joe], scopes: [all] }
          - { <<: *here, path: /ruled, upstream: app, auth: required, tokens: [joe], roles: [admin] }
          - { <<: *here, path: /remote, upstream: app, auth: required, credentials: [token], tokens: [far] }
          - { <<: *here, path: /signed, upstream: app, signed: {} }
          - { <<: *here, path: /once, upstream: app, idempotency: { required: true, max_body: 100 } }
          - { <<: *here, path: /held, upstream: held, idempotency: { wait: 50ms } }
          - { <<: *here, path: /ws, upstream: sockets, upgrade: [websocket] }
          - { <<: *here, path: /below/*, upstream: app }
          - { <<: *here, path: /below/known, upstream: dead }
          - { <<: *here, path: /gone, respond: { status: 410, json: { error: GONE } } }
          - { <<: *here, path: /moved, respond: { status: 308, headers: { Location: /app } } }
          - { <<: *here, path: /empty, respond: { status: 204 } }
          - path: /sign-in
            hosts: [here]
            respond: { status: 401, headers: { WWW-Authenticate: Bearer }, json: { error: "Missing token" } }
        """

    /// Takes what there is once of tokens, connections and tunnels.
    private func spend() throws {
        for path in ["/spent", "/spoken"] { _ = try gateway.client().ask(get(path)) }
        _ = try gateway.client().ask(get("/mine", "Authorization: Bearer \(Self.token)"))
        _ = try gateway.client().ask(
            request("POST /once HTTP/1.1", ["Idempotency-Key: spent", "Content-Length: 3"]) + "one")
        let first = try gateway.client()
        try first.send(
            request("POST /held HTTP/1.1", ["Idempotency-Key: held", "Content-Length: 1"]) + "x")
        held.append(first)
        _ = try origins["held"]?.requests(1)
        for path in ["full", "waiting"] {
            let client = try gateway.client()
            try client.send(get("/" + path))
            held.append(client)
            _ = try origins[path]?.requests(1)
        }
        let client = try gateway.client()
        let tunnel = try client.ask(get("/ws", "Connection: Upgrade", "Upgrade: websocket", Self.key))
        guard tunnel.status == 101 else { throw MalformedMessage.head("\(tunnel.status)") }
        held.append(client)
    }

    /// Signed with a key that nobody here has seen.
    static let strange = [
        Array(#"{"alg":"RS256"}"#.utf8), Array(#"{"sub":"u1"}"#.utf8), [UInt8](repeating: 1, count: 256),
    ].map(TokenText.encode).joined(separator: ".")

    /// Good without end.
    static let token = Token.signed(#"{"sub":"u1"}"#)

    static let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="

    func port(_ door: OwnAnswer.Door) -> UInt16 {
        switch door {
        case .main: gateway.ports.gateway
        case .redirect: gateway.ports.other[0]
        }
    }
}
