import Bytes
import HTTP1
import HTTPModel
import Pipeline
import Proxy

/// What a server gets to see of a request that was accepted: exactly one, with the same meaning, and with
/// nothing in it that only the gateway may say.
enum ForwardingProperties {
    /// Longest head that can be written: the largest that is read, and what is put before and behind it.
    private static let longest = 98304

    static func check(_ bytes: [UInt8]) throws(Violation) {
        for peer in [Gateway.stranger, Gateway.trustedPeer] {
            guard var exchange = Gateway.exchange(bytes, from: peer) else { return }
            guard case .next = Gateway.plan.route.decide(&exchange, isReady: true),
                case .upstreams = exchange.plan?.target
            else { continue }
            try checkForwarded(exchange)
        }
    }

    private static func checkForwarded(_ exchange: borrowing ExchangeState) throws(Violation) {
        let switches = Gateway.switches(exchange)
        let bytes = try written(capacity: longest) { writer in
            UpstreamHeadWriter.write(
                exchange, host: .fromClient, server: "127.0.0.1:3000", switches: switches, to: &writer)
        }
        guard let sent = ReferenceHead(bytes, from: 0, parts: 3) else {
            throw Violation(description: "no strict reader sees a head in what is forwarded: \(shown(bytes))")
        }
        do throws(Violation) {
            try hold(sent.end == bytes.count, "more than one head is forwarded")
            try checkLine(exchange, sent)
            try checkFraming(exchange, sent)
            try checkOwnFields(exchange, sent)
            try checkKeptFields(exchange, sent, switches: switches)
            try checkReadAgain(exchange, bytes)
        } catch {
            throw Violation(description: "\(error.description); forwarded: \(shown(bytes))")
        }
    }

    private static func checkLine(
        _ exchange: borrowing ExchangeState, _ sent: ReferenceHead
    ) throws(Violation) {
        try hold(Array(sent.start[0]) == exchange.head.methodBytes.array(), "another method")
        try hold(equal(sent.start[2], "HTTP/1.1"), "another version")
        let target = Array(sent.start[1])
        let question = target.firstIndex(of: 0x3F)
        let query = question.map { Array(target[($0 + 1)...]) }
        try hold(query == exchange.head.queryBytes?.array(), "another query")
        let path = Array(target[..<(question ?? target.count)])
        let whole = exchange.path.array()
        let prefix = exchange.plan?.stripPrefix ?? []
        try hold(whole == path || whole == prefix + path || whole == prefix, "another path")
        try PathProperties.checkNormal(path)
    }

    private static func checkFraming(
        _ exchange: borrowing ExchangeState, _ sent: ReferenceHead
    ) throws(Violation) {
        let lengths = sent.count(like: "content-length")
        let codings = sent.count(like: "transfer-encoding")
        try hold(
            lengths == sent.count("content-length") && codings == sent.count("transfer-encoding"),
            "a framing field under another name")
        switch (exchange.head.framing, sent.framing) {
        case (.none, .none), (.chunked, .chunked): break
        case (.length(let received), .length(let forwarded)):
            try hold(received == forwarded, "another length")
        default: throw Violation(description: "framed as \(exchange.head.framing), sent as \(sent.framing)")
        }
    }

    /// Fields that say who asks and which way it came.
    private static let own: [StaticString] = [
        "host", "x-forwarded-for", "x-real-ip", "x-forwarded-proto", "x-forwarded-host", "x-forwarded-port",
        "x-forwarded-prefix", "x-request-id", "traceparent",
    ]

    private static func checkOwnFields(
        _ exchange: borrowing ExchangeState, _ sent: ReferenceHead
    ) throws(Violation) {
        for name in own {
            try hold(sent.count(name) <= 1, "\(name) twice")
        }
        for name: StaticString in [
            "host", "x-forwarded-for", "x-real-ip", "x-forwarded-proto", "x-request-id", "traceparent",
        ] {
            try hold(sent.count(name) == 1, "no \(name)")
        }
        for line in sent.lines {
            try hold(!line.name.contains(0x5F) && !line.name.contains(0x2E), "an ambiguous name is forwarded")
        }
        try hold(sent.count("forwarded") == 0, "Forwarded is passed on")
        let host = sent.first("host").map(Array.init) ?? []
        try hold(host == exchange.head.authorityBytes?.array() ?? [], "another Host")
        try hold(!host.contains { (0x41...0x5A).contains($0) }, "a Host in upper case")

        let peer = Array("\(exchange.peer)".utf8)
        let way = sent.first("x-forwarded-for").map(Array.init) ?? []
        if exchange.peerIsTrusted {
            let last = way.split(separator: 0x2C).last.map { Array(trimmed($0)) }
            try hold(last == peer, "the peer is not the last of the way")
        } else {
            try hold(way == peer, "a stranger's X-Forwarded-For is passed on")
            try hold(sent.first("x-real-ip").map(Array.init) == peer, "a stranger is another client")
            try hold(equal(sent.first("x-forwarded-proto") ?? [], "http"), "a stranger's scheme is passed on")
            try hold(sent.first("x-forwarded-host").map(Array.init) ?? host == host, "a stranger's host")
        }
    }

    /// Fields of one hop alone.
    private static let hopByHop: [StaticString] = [
        "keep-alive", "proxy-connection", "trailer", "proxy-authenticate", "proxy-authorization",
        "http2-settings", "x-middleware-subrequest",
    ]

    private static func checkKeptFields(
        _ exchange: borrowing ExchangeState, _ sent: ReferenceHead, switches: Bool
    ) throws(Violation) {
        for name in hopByHop { try hold(sent.count(name) == 0, "\(name) is passed on") }
        let connection = sent.elements("connection")
        switch (switches, sent.count("te")) {
        case (true, 0):
            try hold(connection.count == 1 && equal(connection[0], "upgrade"), "no upgrade")
            try hold(
                equal((sent.first("upgrade") ?? []).map(ReferenceHead.lower), "websocket"), "no protocol")
        case (false, 1):
            try hold(
                connection.count == 1 && equal(connection[0], "te"), "TE, but not for the next hop alone")
            try hold(equal(sent.first("te") ?? [], "trailers"), "another TE")
            try hold(sent.count("upgrade") == 0, "an upgrade that was not to be")
        default:
            try hold(
                sent.count("connection") == 0 && sent.count("upgrade") == 0, "a Connection of the client's")
        }

        // Everything else is the client's, as it was and in its order.
        var next = 0
        for line in sent.lines where !isWritten(line) {
            while next < exchange.head.fields.count, !isLine(next, of: exchange.head, line) { next += 1 }
            try hold(next < exchange.head.fields.count, "\(shown(line.name)) was not in the request")
            next += 1
        }
        for name: StaticString in [
            "cookie", "authorization", "content-type", "accept", "user-agent", "origin",
        ] {
            var received = 0
            for index in 0..<exchange.head.fields.count
            where equal(exchange.head.name(at: index).array().map(ReferenceHead.lower), name) {
                received += 1
            }
            try hold(sent.count(name) == received, "\(name) was lost")
        }
    }

    private static func isWritten(_ line: ReferenceHead.Line) -> Bool {
        own.contains { equal(line.name, $0) }
            || ["connection", "upgrade", "te", "transfer-encoding", "content-length"].contains {
                equal(line.name, $0)
            }
    }

    private static func isLine(
        _ index: Int, of head: borrowing RequestHead, _ line: ReferenceHead.Line
    ) -> Bool {
        head.name(at: index).array().map(ReferenceHead.lower) == line.name
            && head.value(at: index).array() == Array(line.value)
    }

    /// The gateway's own parser takes what it writes, for the same.
    private static func checkReadAgain(
        _ exchange: borrowing ExchangeState, _ bytes: [UInt8]
    ) throws(Violation) {
        var parser = RequestParser(limits: HeadLimits(maximumBytes: 65535, maximumTarget: 65535))
        var head = RequestHead()
        var refusal: HeadError?
        var length: Int?
        bytes.withView { view in
            do throws(HeadError) { length = try parser.parse(view, into: &head) } catch { refusal = error }
        }
        // The gateway adds lines to what may be full already.
        if refusal == .tooManyFields, exchange.head.fields.count > FieldTable.capacity - 12 { return }
        if refusal == .missingHost || refusal == .invalidHost, exchange.head.minorVersion == 0 { return }
        try hold(refusal == nil && length == bytes.count, "read again: \(String(describing: refusal))")
        try hold(head.framing == exchange.head.framing, "read again with another framing")
        try hold(head.method == exchange.head.method, "read again with another method")
        try hold(head.expectsContinue == exchange.head.expectsContinue, "read again with another expectation")
        try hold(head.keepAlive, "the server is told that the connection ends")
    }
}
