import Bytes
import HTTPModel
import Pipeline
import Time

/// Writes an answer that the gateway makes itself, head and body.
enum LocalAnswerWriter {
    /// Bytes that an operator's own body may have; settings hold it to that.
    static let longestBody = 65536

    /// What was written: head and body together, and where the one ends.
    struct Written {
        let bytes: ByteView
        let headLength: Int
    }

    /// Writes into `region` and returns what was written. The body is written first, behind room for the
    /// head, so that its length is known.
    ///
    /// - Parameter code: What the answer says to a call of gRPC; nil to any other request.
    static func write(
        _ response: LocalResponse, as code: Int?, to exchange: borrowing ExchangeState, persists: Bool,
        cors: CORSPolicy?, securityHeaders: SecurityHeadersPlan, limits: LimitLines, date: ByteView,
        time: WallTime, into region: MutableByteView
    ) -> Written {
        if let code {
            return writeTrailersOnly(
                response, code, to: exchange, persists: persists, cors: cors,
                securityHeaders: securityHeaders, limits: limits, date: date, into: region)
        }
        let headRoom = region.count - longestBody
        var body = ByteWriter(region.slice(headRoom, region.count))
        if response.status != 204 {
            writeBody(response, to: exchange, violated: limits.violated, time: time, &body)
        }

        var head = ByteWriter(region.slice(0, headRoom))
        head.write("HTTP/1.1 ")
        head.write(decimal: response.status)
        head.write(" ")
        head.write(StatusText.reason(of: response.status))
        head.write("\r\n")
        let own = response.ownBody
        head.write(date)
        own?.fieldLines.withView { head.write($0) }
        if response.status != 204 {
            writeContentType(response.content, &head)
            head.write("Content-Length: ")
            head.write(decimal: body.count)
            head.write("\r\n")
            if own?.sets(ByteView("cache-control")) != true { head.write("Cache-Control: no-store\r\n") }
        }
        writeFields(
            response, to: exchange, persists: persists, cors: cors, securityHeaders: securityHeaders,
            limits: limits, writer: &head)
        head.write("\r\n")
        precondition(!head.overflowed && !body.overflowed, "settings bound what answers are made of")
        guard exchange.head.method != .head else { return Written(bytes: head.view, headLength: head.count) }
        region.write(body.view, at: head.count)
        return Written(bytes: region.view.prefix(head.count + body.count), headLength: head.count)
    }

    /// What a client of gRPC understands: a head that is its own trailers ("Trailers-Only"). Details are our
    /// own literals of printable ASCII without `%`: nothing to encode.
    private static func writeTrailersOnly(
        _ response: LocalResponse, _ code: Int, to exchange: borrowing ExchangeState, persists: Bool,
        cors: CORSPolicy?, securityHeaders: SecurityHeadersPlan, limits: LimitLines, date: ByteView,
        into region: MutableByteView
    ) -> Written {
        var head = ByteWriter(region)
        head.write("HTTP/1.1 200 OK\r\n")
        head.write(date)
        head.write("Content-Type: application/grpc\r\ngrpc-status: ")
        head.write(decimal: code)
        if response.ownBody == nil {
            head.write("\r\ngrpc-message: ")
            head.write(response.detail)
        }
        head.write("\r\n")
        writeFields(
            response, to: exchange, persists: persists, cors: cors, securityHeaders: securityHeaders,
            limits: limits, writer: &head)
        head.write("\r\n")
        precondition(!head.overflowed, "settings bound what answers are made of")
        return Written(bytes: head.view, headLength: head.count)
    }

    private static func writeContentType(_ content: LocalResponse.Content, _ writer: inout ByteWriter) {
        switch content {
        case .problem, .quota, .secureRedirect: writer.write("Content-Type: application/problem+json\r\n")
        case .health: writer.write("Content-Type: application/json\r\n")
        case .preflight: break
        case .fixed(let body):
            writer.write("Content-Type: ")
            writer.write(text: body.contentType)
            writer.write("\r\n")
        }
    }

    private static func writeFields(
        _ response: LocalResponse, to exchange: borrowing ExchangeState, persists: Bool,
        cors: CORSPolicy?, securityHeaders: SecurityHeadersPlan, limits: LimitLines, writer: inout ByteWriter
    ) {
        if let seconds = response.retryAfter {
            writer.write("Retry-After: ")
            writer.write(decimal: seconds)
            writer.write("\r\n")
        }
        writer.write(limits.lines)
        if let allow = response.allow {
            writer.write("Allow: ")
            allow.bytes.withView { writer.write($0) }
            writer.write("\r\n")
        }
        if let fields = response.fields { writer.write(fields.view) }
        if case .secureRedirect(let port) = response.content { writeLocation(of: exchange, port, &writer) }
        cors?.write(for: response, to: exchange, writer: &writer)
        securityHeaders.write(to: &writer, besides: response.ownBody)
        writer.write("X-Request-Id: ")
        writer.write(exchange.requestID, of: exchange.head)
        writer.write("\r\n")
        ClientHeadWriter.writeConnection(
            persists: persists, minorVersion: exchange.head.minorVersion, to: &writer)
    }

    private static func writeLocation(
        of exchange: borrowing ExchangeState, _ port: UInt16, _ writer: inout ByteWriter
    ) {
        let authority = exchange.head.authorityBytes ?? .empty
        writer.write("Location: https://")
        writer.write(authority.prefix(Authority.hostEnd(authority) ?? authority.count))
        if port != 443 {
            writer.write(":")
            writer.write(decimal: Int(port))
        }
        let path = exchange.head.pathBytes
        writer.write(path.isEmpty ? ByteView("/") : path)
        if let query = exchange.head.queryBytes {
            writer.write("?")
            writer.write(query)
        }
        writer.write("\r\n")
    }

    private static func writeBody(
        _ response: LocalResponse, to exchange: borrowing ExchangeState, violated: ByteView, time: WallTime,
        _ writer: inout ByteWriter
    ) {
        switch response.content {
        case .fixed(let body):
            body.bytes.withView { writer.write($0) }
        case .health:
            writer.write(response.status == 200 ? "{\"ok\":true,\"ts\":" : "{\"ok\":false,\"ts\":")
            writer.write(decimal: Int(time.nanoseconds / 1_000_000))
            writer.write("}\n")
        case .preflight: break
        case .problem, .quota, .secureRedirect:
            // Titles and details are our own literals, ids and rule names are made of safe characters:
            // nothing to escape.
            writer.write("{\"type\":\"")
            writer.write(response.isQuota ? quotaExceeded : "about:blank")
            writer.write("\",\"title\":\"")
            writer.write(response.title)
            writer.write("\",\"status\":")
            writer.write(decimal: response.status)
            writer.write(",\"detail\":\"")
            writer.write(response.detail)
            if let error = response.error {
                writer.write("\",\"error\":\"")
                writer.write(error)
            }
            if let rule = response.rule {
                writer.write("\",\"rule\":\"")
                writer.write(rule.text.view)
            }
            if response.isQuota {
                writer.write("\",\"violated-policies\":[")
                writer.write(violated)
                writer.write("],\"request_id\":\"")
            } else {
                writer.write("\",\"request_id\":\"")
            }
            writer.write(exchange.requestID, of: exchange.head)
            writer.write("\"}\n")
        }
    }

    /// draft-ietf-httpapi-ratelimit-headers-10, section on problem types.
    private static let quotaExceeded: StaticString =
        "https://iana.org/assignments/http-problem-types#quota-exceeded"
}
