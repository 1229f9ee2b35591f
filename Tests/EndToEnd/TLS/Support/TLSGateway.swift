import Foundation

// Gateways with TLS, and clients that speak it.
extension GatewayProcess {
    /// A gateway with one worker and one upstream; handshakes are not bounded.
    ///
    /// - Parameters:
    ///   - certificates: entries of the listener's list.
    ///   - tls: further keys of the listener's `tls`.
    convenience init(
        tls certificates: [String], before origin: ScriptedOrigin, tls: String = "", listener: String = "",
        clients: String = "", top: String = ""
    ) throws {
        try self.init(
            before: origin, clients: "handshakes_per_second: off, \(clients)",
            listener: "tls: { certificates: [\(certificates.joined(separator: ", "))], \(tls) }, \(listener)",
            top: top)
    }

    /// Shakes hands with the listener.
    func tls(
        _ wish: TLSWish = TLSWish(), port: UInt16? = nil, limit: Duration = .seconds(10),
        receiveBuffer: Int32? = nil, before bytes: [UInt8] = []
    ) throws(SocketError) -> TLSSocket {
        let socket = try TestSocket.connect(port: port ?? ports.gateway, receiveBuffer: receiveBuffer)
        if !bytes.isEmpty { try socket.send(bytes, Deadline(in: limit)) }
        let tls = try TLSSocket(over: socket, wish)
        try tls.shakeHands(Deadline(in: limit))
        return tls
    }

    /// A client of HTTP/1.1 over TLS.
    func secure(
        _ wish: TLSWish = TLSWish(), limit: Duration = .seconds(10), receiveBuffer: Int32? = nil
    ) throws -> RawClient {
        RawClient(socket: try tls(wish, limit: limit, receiveBuffer: receiveBuffer), limit: limit)
    }

    /// A client of HTTP/2 over TLS that has sent the preface and its settings.
    func secureHTTP2(
        _ wish: TLSWish = TLSWish("localhost", ["h2"]), _ settings: [(UInt16, UInt32)] = [],
        limit: Duration = .seconds(10), receiveBuffer: Int32? = nil
    ) throws -> HTTP2Client {
        let client = HTTP2Client(
            socket: try tls(wish, limit: limit, receiveBuffer: receiveBuffer), limit: limit)
        try client.greet(settings)
        return client
    }

    /// What a handshake that is refused comes to, in OpenSSL's words; nil where it succeeds. With TLS 1.3 a
    /// client hears of a refusal of its certificate only with what it reads next.
    func refusal(of wish: TLSWish, port: UInt16? = nil) throws -> String? {
        do {
            let socket = try tls(wish, port: port)
            try socket.send(Array(get("/").utf8), Deadline(in: .seconds(10)))
            let answer = try socket.receive(Deadline(in: .seconds(10)))
            return answer.isEmpty ? "closed" : nil
        } catch SocketError.tls(let reason) {
            return reason
        } catch SocketError.reset {
            return "reset"
        }
    }

    /// How many handshakes have come to this.
    func handshakes(_ result: String) throws -> Int {
        try metric("floodgate_tls_handshakes_total{result=\"\(result)\"}") ?? 0
    }

    /// Connections to servers may stay.
    func waitUntilNobodyIsThere() throws {
        try eventually(
            "no client", within: .seconds(10),
            holds: {
                guard let open = try? openThings() else { return false }
                return open.clients == 0 && open.tunnels == 0
            })
    }

    /// Asks once over TLS, on a connection of its own; and the session that it leaves.
    @discardableResult
    func ask(_ wish: TLSWish, _ path: String = "/", _ fields: String...) throws -> (
        response: RawResponse, ticket: TLSTicket?, isResumed: Bool
    ) {
        let socket = try tls(wish)
        let client = RawClient(socket: socket)
        defer { client.close() }
        let response = try client.ask(request("GET \(path) HTTP/1.1", fields))
        return (response, socket.ticket, socket.isResumed)
    }
}
