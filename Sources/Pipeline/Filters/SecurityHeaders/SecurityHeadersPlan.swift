import Bytes
import HTTPModel
import Settings

/// Fields that are added to answers and fields that are removed from them (R9), compiled so that an ordinary
/// answer costs one comparison of bit sets and one copy.
package final class SecurityHeadersPlan: Sendable {
    package struct Line: Sendable {
        package let name: FieldName
        /// In lower case.
        package let nameBytes: [UInt8]
        /// `Name: value` CRLF.
        package let bytes: [UInt8]
        /// Browsers need it on pages alone.
        package let htmlOnly: Bool
    }

    package let lines: [Line]
    /// All lines together, those for pages alone left out.
    package let block: [UInt8]
    /// Known names among the lines.
    private let added: FieldNameSet
    /// Names among the lines that the gateway does not know.
    private let addsOthers: Bool
    private let removed: FieldNameSet
    private let removedOthers: [[UInt8]]
    /// Whether a value of the backend's own stands.
    package let keepsBackend: Bool

    package init(_ settings: SecurityHeadersSettings) {
        var fields = settings.preset == .helmet ? SecurityHeadersPlan.helmet : []
        fields.removeAll { field in settings.omit.contains(field.name.lowercased()) }
        for field in settings.set {
            fields.removeAll { $0.name.lowercased() == field.name.lowercased() }
            fields.append(field)
        }
        lines = fields.map { field in
            let nameBytes = Array(field.name.lowercased().utf8)
            let name = nameBytes.withView { FieldName(lowercasing: $0) }
            return Line(
                name: name, nameBytes: nameBytes, bytes: Array("\(field.name): \(field.value)\r\n".utf8),
                htmlOnly: name == .contentSecurityPolicy)
        }
        block = lines.filter { !$0.htmlOnly }.flatMap(\.bytes)
        added = lines.reduce(FieldNameSet()) { $0.union(FieldNameSet($1.name)) }
        addsOthers = lines.contains { $0.name == .other }
        let names = settings.remove.map { Array($0.lowercased().utf8) }
        let known = names.map { bytes in bytes.withView { FieldName(lowercasing: $0) } }
        removed = known.reduce(FieldNameSet()) { $0.union(FieldNameSet($1)) }
        removedOthers = zip(names, known).filter { $0.1 == .other }.map(\.0)
        keepsBackend = settings.override == .keep
    }

    /// What helmet sends by default.
    private static let helmet = [
        HeaderField(
            "Content-Security-Policy",
            "default-src 'self';base-uri 'self';font-src 'self' https: data:;form-action 'self';"
                + "frame-ancestors 'self';img-src 'self' data:;object-src 'none';script-src 'self';"
                + "script-src-attr 'none';style-src 'self' https: 'unsafe-inline';upgrade-insecure-requests"),
        HeaderField("Cross-Origin-Opener-Policy", "same-origin"),
        HeaderField("Cross-Origin-Resource-Policy", "same-origin"),
        HeaderField("Origin-Agent-Cluster", "?1"),
        HeaderField("Referrer-Policy", "no-referrer"),
        HeaderField("Strict-Transport-Security", "max-age=31536000; includeSubDomains"),
        HeaderField("X-Content-Type-Options", "nosniff"),
        HeaderField("X-DNS-Prefetch-Control", "off"),
        HeaderField("X-Download-Options", "noopen"),
        HeaderField("X-Frame-Options", "SAMEORIGIN"),
        HeaderField("X-Permitted-Cross-Domain-Policies", "none"),
        HeaderField("X-XSS-Protection", "0"),
    ]

    /// Whether a field of the backend's answer is left out.
    package func drops(_ head: borrowing ResponseHead, _ index: Int) -> Bool {
        let name = head.fields[index].name
        if removed.contains(name) { return true }
        if !keepsBackend, added.contains(name) { return true }
        guard name == .other, !removedOthers.isEmpty || (addsOthers && !keepsBackend) else { return false }
        let bytes = head.name(at: index)
        if removedOthers.contains(where: { $0.withView { bytes.equalsIgnoringCase($0) } }) { return true }
        return !keepsBackend && lines.contains { $0.nameBytes.withView { bytes.equalsIgnoringCase($0) } }
    }

    /// Writes the lines that an answer of the backend lacks, or all where the backend's own are replaced.
    package func write(for head: borrowing ResponseHead, to writer: inout ByteWriter) {
        let isPage = head.value(of: .contentType).map(SecurityHeadersPlan.isPage) ?? false
        if !isPage, !addsOthers, !keepsBackend || !head.fields.containsAny(of: added) {
            block.withView { writer.write($0) }
            return
        }
        for line in lines where isPage || !line.htmlOnly {
            if keepsBackend, has(head, line) { continue }
            line.bytes.withView { writer.write($0) }
        }
    }

    /// Writes the lines for an answer that the gateway makes itself, but for those that the operator wrote
    /// for this answer.
    package func write(to writer: inout ByteWriter, besides body: FixedBody?) {
        guard let body, body.isPage || !body.fieldLines.isEmpty else {
            return block.withView { writer.write($0) }
        }
        for line in lines where (body.isPage || !line.htmlOnly) && !line.nameBytes.withView({ body.sets($0) })
        {
            line.bytes.withView { writer.write($0) }
        }
    }

    private func has(_ head: borrowing ResponseHead, _ line: Line) -> Bool {
        guard line.name == .other else { return head.fields.contains(line.name) }
        for index in 0..<head.fields.count {
            let name = head.name(at: index)
            if line.nameBytes.withView({ name.equalsIgnoringCase($0) }) { return true }
        }
        return false
    }

    private static func isPage(_ contentType: ByteView) -> Bool {
        contentType.count >= 9 && contentType.prefix(9).equalsIgnoringCase("text/html")
    }
}
