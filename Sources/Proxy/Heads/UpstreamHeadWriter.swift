import Addressing
import Bytes
import HTTPModel
import Pipeline

/// Writes the head that the server sees: the client's fields in runs, less what is for this hop alone, what
/// strangers may not claim and what the gateway says itself.
package enum UpstreamHeadWriter {
    package static func write(
        _ exchange: borrowing ExchangeState, host: UpstreamPlan.Host, server: String, switches: Bool,
        without stripped: StrippedFields = StrippedFields([]), to writer: inout ByteWriter
    ) {
        writer.write(exchange.head.methodBytes)
        writer.write(UInt8(0x20))
        writeTarget(exchange, to: &writer)
        writer.write(" HTTP/1.1\r\n")
        writeHost(exchange.head, host, server, to: &writer)
        writeKeptLines(exchange, without: stripped, to: &writer)
        writeForwarding(exchange, to: &writer)
        writeIdentity(exchange, to: &writer)
        if switches, let protocolName = exchange.head.value(of: .upgrade) {
            writer.write("Connection: Upgrade\r\nUpgrade: ")
            writer.write(protocolName)
            writer.write("\r\n")
        } else if exchange.head.fields.contains(.te), let codings = exchange.head.value(of: .te),
            takesTrailers(codings)
        {
            writer.write("Connection: TE\r\nTE: trailers\r\n")
        }
        writeFraming(exchange.head, to: &writer)
        writer.write("\r\n")
    }

    /// The framing as it was understood, never the client's own words for it (security.md 1). A length of
    /// zero is told where the client told it.
    private static func writeFraming(_ head: borrowing RequestHead, to writer: inout ByteWriter) {
        var length = 0
        switch head.framing {
        case .chunked: return writer.write("Transfer-Encoding: chunked\r\n")
        case .length(let announced): length = announced
        case .none, .untilClose: guard head.fields.contains(.contentLength) else { return }
        }
        writer.write("Content-Length: ")
        writer.write(decimal: length)
        writer.write("\r\n")
    }

    private static func writeTarget(_ exchange: borrowing ExchangeState, to writer: inout ByteWriter) {
        if let prefix = exchange.plan?.stripPrefix, !prefix.isEmpty,
            let rest = prefix.withView({ stripped(exchange.path, of: $0) })
        {
            writer.write(rest.isEmpty ? ByteView("/") : rest)
        } else {
            writer.write(exchange.path)
        }
        if let query = exchange.head.queryBytes {
            writer.write(UInt8(0x3F))
            writer.write(query)
        }
    }

    /// What is left of `path` behind `prefix`, if the prefix ends at a segment's end; nil otherwise.
    private static func stripped(_ path: ByteView, of prefix: ByteView) -> ByteView? {
        guard path.hasPrefix(prefix) else { return nil }
        let rest = path.dropFirst(prefix.count)
        return rest.isEmpty || rest[0] == 0x2F ? rest : nil
    }

    private static func writeHost(
        _ head: borrowing RequestHead, _ host: UpstreamPlan.Host, _ server: String,
        to writer: inout ByteWriter
    ) {
        writer.write("Host: ")
        switch host {
        case .fromClient: writer.write(head.authorityBytes ?? .empty)
        case .server: writer.write(text: server)
        case .fixed(let name): name.withView { writer.write($0) }
        }
        writer.write("\r\n")
    }

    /// Copies field lines in runs: a run ends only where a line is left out.
    private static func writeKeptLines(
        _ exchange: borrowing ExchangeState, without stripped: StrippedFields, to writer: inout ByteWriter
    ) {
        var runStart = exchange.head.fieldsStart
        for index in 0..<exchange.head.fields.count where drops(exchange, stripped, index) {
            let line = exchange.head.line(at: index)
            writer.write(exchange.head.bytes.slice(runStart, line.start))
            runStart = line.end
        }
        writer.write(exchange.head.bytes.slice(runStart, exchange.head.bytes.count - 2))
    }

    private static let rebuilt = FieldNameSet(
        .host, .connection, .keepAlive, .proxyConnection, .te, .contentLength, .transferEncoding, .upgrade,
        .trailer,
        .proxyAuthenticate, .proxyAuthorization, .http2Settings, .forwarded, .xForwardedFor, .xForwardedHost,
        .xForwardedProto, .xForwardedPort, .xForwardedPrefix, .xRealIP, .xRequestID, .xMiddlewareSubrequest,
        .ambiguous)

    private static func drops(
        _ exchange: borrowing ExchangeState, _ stripped: StrippedFields, _ index: Int
    ) -> Bool {
        let name = exchange.head.fields[index].name
        if rebuilt.contains(name) { return true }
        switch name {
        case .traceparent:
            if case .taken(let kept) = exchange.trace { return kept != index }
            return true
        case .tracestate:
            // Has a meaning only beside the traceparent that it came with (W3C Trace Context §3.3).
            if case .taken = exchange.trace { return false }
            return true
        case .authorization:
            return exchange.hidesAuthorization
                || stripped.hides(authorization: exchange.head.value(at: index))
        case .expect: return !exchange.head.expectsContinue
        default:
            return FieldRules.isFrameworkInternal(name, exchange.head.name(at: index))
                || (name == .other && stripped.contains(exchange.head.name(at: index)))
                || exchange.head.connectionLists(nameAt: index)
        }
    }

    /// The way here, rebuilt: what trusted proxies said, and this hop.
    private static func writeForwarding(_ exchange: borrowing ExchangeState, to writer: inout ByteWriter) {
        writer.write("X-Forwarded-For: ")
        if exchange.peerIsTrusted {
            var line = exchange.head.fields.firstIndex(of: .xForwardedFor)
            while let index = line {
                if !exchange.head.value(at: index).isEmpty {
                    writer.write(exchange.head.value(at: index))
                    writer.write(", ")
                }
                line = exchange.head.fields.firstIndex(of: .xForwardedFor, from: index + 1)
            }
        }
        writer.write(exchange.peer)
        writer.write("\r\nX-Real-IP: ")
        writer.write(exchange.client)
        writer.write("\r\nX-Forwarded-Proto: ")
        if exchange.peerIsTrusted, let scheme = exchange.head.value(of: .xForwardedProto),
            scheme.equalsIgnoringCase("https") || scheme.equalsIgnoringCase("http")
        {
            writer.write(scheme)
        } else {
            writer.write(exchange.isEncrypted ? "https" : "http")
        }
        writer.write("\r\n")
        writeForwardedHost(exchange, to: &writer)
        writeForwardedPort(exchange, to: &writer)
        writeForwardedPrefix(exchange, to: &writer)
    }

    private static func writeForwardedHost(_ exchange: borrowing ExchangeState, to writer: inout ByteWriter) {
        var host = exchange.head.authorityBytes ?? .empty
        if exchange.peerIsTrusted, let said = exchange.head.value(of: .xForwardedHost),
            Authority.isValid(said)
        {
            host = said
        }
        guard !host.isEmpty else { return }
        writer.write("X-Forwarded-Host: ")
        writer.write(host)
        writer.write("\r\n")
    }

    private static func writeForwardedPort(_ exchange: borrowing ExchangeState, to writer: inout ByteWriter) {
        var port = exchange.localPort.map(Int.init)
        if exchange.peerIsTrusted, let said = exchange.head.value(of: .xForwardedPort)?.decimal(),
            said < 65536
        {
            port = said
        }
        guard let port else { return }
        writer.write("X-Forwarded-Port: ")
        writer.write(decimal: port)
        writer.write("\r\n")
    }

    private static func writeForwardedPrefix(_ exchange: borrowing ExchangeState, to writer: inout ByteWriter)
    {
        guard let prefix = exchange.plan?.stripPrefix, !prefix.isEmpty else { return }
        writer.write("X-Forwarded-Prefix: ")
        prefix.withView { writer.write($0) }
        writer.write("\r\n")
    }

    private static func writeIdentity(_ exchange: borrowing ExchangeState, to writer: inout ByteWriter) {
        writer.write("X-Request-Id: ")
        writer.write(exchange.requestID, of: exchange.head)
        writer.write("\r\n")
        if let identity = exchange.identity {
            identity.fieldLines.withView { writer.write($0) }
            if let plan = exchange.lookedUpPlan, !identity.planLine.isEmpty {
                identity.planLine.withView { writer.write($0) }
                writer.write(plan.view)
                writer.write("\r\n")
            }
        }
        if let subject = exchange.certificateSubject {
            writer.write("X-Client-Certificate-Subject: ")
            subject.withView { writer.write($0) }
            writer.write("\r\n")
        }
        if case .begun(let trace, let span) = exchange.trace {
            writer.write("traceparent: ")
            writer.write(traceparent: trace, span: span)
            writer.write("\r\n")
        }
    }

    /// Whether a TE field lists `trailers` (RFC 9110 §10.1.4).
    private static func takesTrailers(_ codings: ByteView) -> Bool {
        var elements = ListElements(codings)
        while let element = elements.next() {
            if element.equalsIgnoringCase("trailers") { return true }
        }
        return false
    }
}
