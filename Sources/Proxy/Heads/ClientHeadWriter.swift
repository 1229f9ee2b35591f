import Bytes
import HTTP1
import HTTPModel
import Pipeline
import Time

/// Writes the head of an origin's answer as the client sees it: in the order that `ResponseStage` names,
/// which is kept here by hand.
package enum ClientHeadWriter {
    /// A final answer's head.
    package static func write(
        _ head: borrowing ResponseHead, to exchange: borrowing ExchangeState, coding: BodyCoding,
        persists: Bool, cors: CORSPolicy?, securityHeaders: SecurityHeadersPlan, limits: LimitLines,
        date: ByteView, writer: inout ByteWriter
    ) {
        let vary = cors?.vary(of: head) ?? .kept
        writeStatus(head, &writer)
        writeKeptLines(head, &writer) { index in
            let name = head.fields[index].name
            return FieldRules.isHopByHop(name) || name == .xRequestID || head.connectionLists(nameAt: index)
                // A 204 has no length (RFC 9110 §8.6); what is framed anew has none of the origin's.
                || (name == .contentLength && (coding != .asIs || head.status == 204))
                || (cors?.drops(head, index, vary) ?? false) || securityHeaders.drops(head, index)
                || (!limits.lines.isEmpty && name == .other && limits.fields.writes(head.name(at: index)))
        }
        cors?.write(for: head, vary, to: exchange, writer: &writer)
        securityHeaders.write(for: head, to: &writer)
        writer.write(limits.lines)
        writer.write("X-Request-Id: ")
        writer.write(exchange.requestID, of: exchange.head)
        writer.write("\r\n")
        // A recipient with a clock adds what the origin left out (RFC 9110 §6.6.1).
        if !head.fields.contains(.date) { writer.write(date) }
        if coding == .chunked { writer.write("Transfer-Encoding: chunked\r\n") }
        writeConnection(persists: persists, minorVersion: exchange.head.minorVersion, to: &writer)
        writer.write("\r\n")
    }

    /// A 1xx answer: passed on without what concerns this hop alone.
    package static func writeInterim(_ head: borrowing ResponseHead, to writer: inout ByteWriter) {
        writeStatus(head, &writer)
        writeKeptLines(head, &writer) { index in
            let name = head.fields[index].name
            return FieldRules.isHopByHop(name) || FieldRules.isFraming(name) || FieldRules.isInformation(name)
                || head.connectionLists(nameAt: index)
        }
        writer.write("\r\n")
    }

    /// A 101 answer: the upgrade is what this hop is about.
    package static func writeSwitch(
        _ head: borrowing ResponseHead, to exchange: borrowing ExchangeState, writer: inout ByteWriter
    ) {
        writeStatus(head, &writer)
        writeKeptLines(head, &writer) { index in
            let name = head.fields[index].name
            return (FieldRules.isHopByHop(name) && name != .upgrade) || FieldRules.isFraming(name)
                || FieldRules.isInformation(name) || head.connectionLists(nameAt: index)
        }
        writer.write("Connection: Upgrade\r\nX-Request-Id: ")
        writer.write(exchange.requestID, of: exchange.head)
        writer.write("\r\n\r\n")
    }

    /// What the connection's future is, where it is not what the version implies (RFC 9112 §9.3).
    static func writeConnection(persists: Bool, minorVersion: Int, to writer: inout ByteWriter) {
        if !persists {
            writer.write("Connection: close\r\n")
        } else if minorVersion == 0 {
            writer.write("Connection: keep-alive\r\n")
        }
    }

    private static func writeStatus(_ head: borrowing ResponseHead, _ writer: inout ByteWriter) {
        writer.write("HTTP/1.1 ")
        writer.write(decimal: head.status)
        writer.write(" ")
        writer.write(head.reasonBytes)
        writer.write("\r\n")
    }

    /// Copies field lines in runs: a run ends only where a line is left out.
    private static func writeKeptLines(
        _ head: borrowing ResponseHead, _ writer: inout ByteWriter, without drops: (Int) -> Bool
    ) {
        var runStart = head.fieldsStart
        for index in 0..<head.fields.count where drops(index) {
            let line = head.line(at: index)
            writer.write(head.bytes.slice(runStart, line.start))
            runStart = line.end
        }
        writer.write(head.bytes.slice(runStart, head.bytes.count - 2))
    }
}

/// The Date field of this second, written once a second.
struct DateLine: ~Copyable {
    private var second = Int64.min
    private var length = 0
    private let text = Scratch(size: 64)

    /// `Date: …` CRLF. Valid until the next call.
    mutating func bytes(at time: WallTime) -> ByteView {
        if time.seconds != second {
            second = time.seconds
            var writer = ByteWriter(text.view)
            writer.write("Date: ")
            writer.write(httpDate: time)
            writer.write("\r\n")
            length = writer.count
        }
        return text.view.view.prefix(length)
    }
}
