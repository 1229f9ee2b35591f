import Foundation

/// What a gateway has open, as its admin listener tells it.
struct OpenThings: Equatable, Sendable {
    var clients = 0
    var tunnels = 0
    var upstreams = 0

    static let none = OpenThings()
}

extension GatewayProcess {
    func openThings() throws -> OpenThings {
        let client = try RawClient(port: ports.admin)
        defer { client.close() }
        let body = try client.ask("GET /status HTTP/1.1\r\nHost: 127.0.0.1:\(ports.admin)\r\n\r\n").body
        guard let status = try JSONSerialization.jsonObject(with: Data(body)) as? [String: Any],
            let clients = status["connections_open"] as? Int, let tunnels = status["tunnels_open"] as? Int,
            let upstreams = status["upstreams"] as? [[String: Any]]
        else { throw MalformedMessage.head("no status: \(String(decoding: body, as: UTF8.self))") }
        return OpenThings(
            clients: clients, tunnels: tunnels,
            upstreams: upstreams.reduce(0) { $0 + ($1["connections_open"] as? Int ?? 0) })
    }

    /// The admin listener may come to life a moment later than the others.
    func waitUntilNothingIsOpen() throws {
        try eventually(
            "nothing to be open", within: .seconds(10), holds: { (try? openThings()) == OpenThings.none })
    }
}
