import Foundation

/// A gateway that asks who its clients are, before an origin that answers everything.
final class TokenGateway {
    let gateway: GatewayProcess
    let origin: ScriptedOrigin
    private let more: String

    /// - Parameters:
    ///   - source: keys of the one source, `users`, as a flow map without its braces; its secret is
    ///     `Token.secret` unless it names keys of its own.
    ///   - route: keys of the route `/*`, behind `auth: required`; `/open/*` asks nobody, `/perhaps/*` who
    ///     shows a credential.
    ///   - files: what stands in files of the gateway's folder; `FOLDER` in `source` is that folder.
    init(
        source: String = "", identity: String = "", route: String = "", clients: String = "",
        listener: String = "", more: String = "", script: [ScriptedOrigin.Step]? = nil,
        files: [String: String] = [:]
    ) throws {
        origin =
            try script.map { steps throws(SocketError) in try ScriptedOrigin(scripts: [steps]) }
            ?? ScriptedOrigin.answering(body: "hello")
        self.more = more
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
            "floodgate-tokens-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        for (name, text) in files {
            try text.write(to: folder.appendingPathComponent(name), atomically: true, encoding: .utf8)
        }
        let port = origin.port
        gateway = try GatewayProcess { ports in
            Self.settings(
                ports, origin: port, source: source.replacingOccurrences(of: "FOLDER", with: folder.path),
                identity: identity, route: route, clients: clients, listener: listener, more: more)
        }
    }

    deinit { origin.stop() }

    private static func settings(
        _ ports: GatewayProcess.Ports, origin: UInt16, source: String, identity: String, route: String,
        clients: String, listener: String, more: String
    ) -> String {
        let hasKeys = ["keys:", "secret:", "public_key:"].contains { source.contains($0) }
        return """
            workers: 1
            listeners: [{ address: 127.0.0.1:\(ports.gateway), \(listener) }]
            admin: { address: 127.0.0.1:\(ports.admin) }
            access_log: { flush: 10ms }
            drain: { announce: 0s, deadline: 1s }
            clients: { \(clients) }
            identity:
              tokens: { users: { \(hasKeys ? "" : "secret: \"\(Token.secret)\", ")\(source) } }
              \(identity)
            upstreams: { app: { servers: [127.0.0.1:\(origin)] } }
            routes:
              - { path: /open/*, upstream: app }
              - { path: /perhaps/*, upstream: app, auth: optional, upgrade: [websocket] }
              - { path: /*, upstream: app, auth: required, upgrade: [websocket], \(route) }
            \(more)
            """
    }

    /// Puts other settings in force.
    func reload(source: String = "", identity: String = "", route: String = "") throws {
        try gateway.reload(
            Self.settings(
                gateway.ports, origin: origin.port, source: source, identity: identity, route: route,
                clients: "", listener: "", more: more))
    }

    /// Asks once, on a connection of its own.
    func ask(_ path: String = "/", bearer: String? = nil, _ fields: String...) throws -> RawResponse {
        let client = try gateway.client()
        defer { client.close() }
        let credentials = bearer.map { ["Authorization: Bearer \($0)"] } ?? []
        return try client.ask(request("GET \(path) HTTP/1.1", credentials + fields))
    }
}

extension RawResponse {
    /// The one word of a refusal.
    var refusal: String? {
        let object = try? JSONSerialization.jsonObject(with: Data(body)) as? [String: Any]
        return object?["error"] as? String
    }
}
