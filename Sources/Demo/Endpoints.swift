import Synchronization

/// What the origin answers, by path. Shared by all connections; its one piece of state is the count of video
/// tokens.
final class Endpoints: Sendable {
    private let tokensAsked = Atomic<Int>(0)

    /// Answers a request; true where the connection may serve on.
    func answer(_ request: DemoRequest, on connection: Connection) throws(ConnectionEnd) -> Bool {
        switch (request.path, request.method) {
        case ("/", "GET"), ("/", "HEAD"): try whole(.text(Self.index), request, connection)
        case ("/health", "GET"), ("/health", "HEAD"): try whole(.json("{\"ok\": true}"), request, connection)
        case ("/api/hello", "GET"), ("/api/hello", "HEAD"): try whole(hello(request), request, connection)
        case ("/api/orders", "GET"), ("/api/orders", "HEAD"):
            try whole(.json(Self.orders), request, connection)
        case ("/api/limited", "GET"), ("/api/limited", "HEAD"):
            try whole(.json(Self.limited), request, connection)
        case ("/api/slow", "GET"), ("/api/slow", "HEAD"): try slow(request, connection)
        case ("/api/big", "GET"), ("/api/big", "HEAD"): try big(request, connection)
        case ("/api/video/token", "GET"), ("/api/video/token", "POST"): try videoToken(request, connection)
        case ("/api/echo", "POST"), ("/api/echo", "PUT"): try echo(request, connection)
        case ("/api/chat", "GET"), ("/api/chat", "POST"): try EventStreams.chat(request, connection)
        case ("/events", "GET"), ("/api/events", "GET"): try EventStreams.clock(request, connection)
        case ("/ws", "GET"), ("/api/ws", "GET"): try webSocket(request, connection)
        case (let path, _) where Self.paths.contains(path):
            try whole(.problem(.methodNotAllowed), request, connection)
        default: try whole(.problem(.notFound), request, connection)
        }
    }

    private static let paths: Set<String> = [
        "/", "/health", "/api/hello", "/api/orders", "/api/limited", "/api/slow", "/api/big",
        "/api/video/token",
        "/api/echo", "/api/chat", "/events", "/api/events", "/ws", "/api/ws",
    ]

    private static let index = """
        The demo's origin, without the gateway before it. Endpoints:
          GET      /api/hello            what arrived here, header fields included
          GET      /api/orders           a small list
          POST     /api/echo             the body again
          GET      /api/slow?ms=1500     an answer that takes its time
          GET      /api/video/token      every third fails, every fifth breaks off
          GET|POST /api/chat             an event stream as AI providers send it
          GET      /events               an endless event stream
          GET      /ws                   WebSocket echo
          GET      /api/big?bytes=N      N bytes
          GET      /api/limited          for a rate limit to stand before

        """

    private static let orders = """
        {"orders": [
          {"id": 1001, "item": "Live session", "amount": 4500, "currency": "usd", "state": "paid"},
          {"id": 1002, "item": "Monthly membership", "amount": 1200, "currency": "usd", "state": "paid"},
          {"id": 1003, "item": "Tip", "amount": 500, "currency": "usd", "state": "pending"}
        ]}
        """

    private static let limited =
        "{\"ok\": true, \"note\": \"ask again quickly: the gateway has a limit here\"}"

    private func whole(
        _ answer: Answer, _ request: DemoRequest, _ connection: Connection
    ) throws(ConnectionEnd) -> Bool {
        try AnswerWriter(answer, to: request, on: connection).end()
    }

    /// What the origin received, so that a person sees what the gateway added and took away.
    private func hello(_ request: DemoRequest) -> Answer {
        var names: [String] = []
        for field in request.fields where !names.contains(field.name) { names.append(field.name) }
        let fields = names.map { "    \(JSONText.quoted($0)): \(JSONText.quoted(request.value($0) ?? ""))" }
        return .json(
            """
            {
              "message": "Hello from the origin. This is what arrived here:",
              "method": \(JSONText.quoted(request.method)),
              "path": \(JSONText.quoted(request.path)),
              "query": \(JSONText.quoted(request.query)),
              "headers": {
            \(fields.joined(separator: ",\n"))
              }
            }
            """)
    }

    private func slow(_ request: DemoRequest, _ connection: Connection) throws(ConnectionEnd) -> Bool {
        let milliseconds = request.number("ms", default: 1500, in: 0...60_000)
        try connection.wait(milliseconds: milliseconds)
        return try whole(.json("{\"waited_ms\": \(milliseconds)}"), request, connection)
    }

    private func big(_ request: DemoRequest, _ connection: Connection) throws(ConnectionEnd) -> Bool {
        var left = request.number("bytes", default: 1 << 20, in: 0...(1 << 40))
        let answer = Answer(type: "application/octet-stream", framing: .length(left))
        let writer = try AnswerWriter(answer, to: request, on: connection)
        guard request.method != "HEAD" else { return try writer.end() }
        let block = (0..<65_536).map { UInt8(truncatingIfNeeded: $0 % 251) }
        while left > 0 {
            try writer.write(left >= block.count ? block : Array(block.prefix(left)))
            left -= min(left, block.count)
        }
        return try writer.end()
    }

    /// Flaky, and the same way in every run: the fifth, tenth... break off, the other thirds fail.
    private func videoToken(_ request: DemoRequest, _ connection: Connection) throws(ConnectionEnd) -> Bool {
        let count = tokensAsked.add(1, ordering: .relaxed).newValue
        let answer = Answer.json("{\"token\": \"demo-video-token-\(count)\", \"expires_in\": 3600}")
        if count % 5 == 0 {
            let writer = try AnswerWriter(
                Answer(framing: .length(answer.body.count)), to: request, on: connection)
            try writer.write(Array(answer.body.prefix(answer.body.count / 2)))
            throw .reset
        }
        if count % 3 == 0 { return try whole(.problem(.serviceUnavailable), request, connection) }
        return try whole(answer, request, connection)
    }

    /// The body again, byte for byte and framed as it came, while it is still coming.
    private func echo(_ request: DemoRequest, _ connection: Connection) throws(ConnectionEnd) -> Bool {
        var answer = Answer(type: request.value("content-type") ?? "application/octet-stream")
        switch request.framing {
        case .none: answer.framing = .length(0)
        case .length(let count): answer.framing = .length(count)
        case .chunked: answer.framing = .streamed
        }
        // The first piece before the head: a client that expects "100 Continue" must see that first.
        var piece = try connection.readBody()
        let writer = try AnswerWriter(answer, to: request, on: connection)
        while !piece.isEmpty {
            try writer.write(piece)
            piece = try connection.readBody()
        }
        return try writer.end()
    }

    private func webSocket(_ request: DemoRequest, _ connection: Connection) throws(ConnectionEnd) -> Bool {
        guard let key = request.value("sec-websocket-key"), !key.isEmpty, !request.isHTTP10,
            request.lists("websocket", in: "upgrade"), request.lists("upgrade", in: "connection"),
            request.value("sec-websocket-version") == "13", request.framing == .none
        else {
            var answer = Answer.problem(.upgradeRequired)
            answer.fields = [("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13")]
            return try whole(answer, request, connection)
        }
        let answer = Answer(
            status: .switchingProtocols,
            fields: [
                ("Upgrade", "websocket"), ("Connection", "Upgrade"),
                ("Sec-WebSocket-Accept", WebSocketAccept.value(for: key)),
            ],
            framing: .none)
        try connection.write(answer.head(for: request, keepsAlive: true))
        try WebSocketEcho(connection).run()
        return false
    }
}
