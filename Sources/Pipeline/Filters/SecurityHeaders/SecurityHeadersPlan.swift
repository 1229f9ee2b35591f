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
        /// Content-Security-Policy, or the form of it that only reports.
        package let isContentPolicy: Bool
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
    /// A bit for each length of such a name: most fields are told apart by it.
    private let removedLengths: UInt64
    /// Whether a value of the backend's own stands.
    package let keepsBackend: Bool

    package init(_ settings: SecurityHeadersSettings) {
        var fields = settings.preset.fields
        fields.removeAll { field in settings.omit.contains(field.name.lowercased()) }
        for field in settings.set {
            fields.removeAll { $0.name.lowercased() == field.name.lowercased() }
            fields.append(field)
        }
        lines = fields.map { field in
            let nameBytes = Array(field.name.lowercased().utf8)
            let name = nameBytes.withView { FieldName(lowercasing: $0) }
            let isContentPolicy =
                name == .contentSecurityPolicy
                || field.name.lowercased() == "content-security-policy-report-only"
            return Line(
                name: name, nameBytes: nameBytes, bytes: Array("\(field.name): \(field.value)\r\n".utf8),
                htmlOnly: isContentPolicy && settings.preset.sendsPolicyWithPagesAlone,
                isContentPolicy: isContentPolicy)
        }
        block = lines.filter { !$0.htmlOnly }.flatMap(\.bytes)
        added = lines.reduce(FieldNameSet()) { $0.union(FieldNameSet($1.name)) }
        addsOthers = lines.contains { $0.name == .other }
        let names = settings.remove.map { Array($0.lowercased().utf8) }
        let known = names.map { bytes in bytes.withView { FieldName(lowercasing: $0) } }
        removed = known.reduce(FieldNameSet()) { $0.union(FieldNameSet($1)) }
        removedOthers = zip(names, known).filter { $0.1 == .other }.map(\.0)
        removedLengths = removedOthers.reduce(0) { $0 | 1 << UInt64(min($1.count, 63)) }
        keepsBackend = settings.override == .keep
    }

    /// Whether a field of the backend's answer is left out.
    package func drops(_ head: borrowing ResponseHead, _ index: Int) -> Bool {
        let name = head.fields[index].name
        if removed.contains(name) { return true }
        if !keepsBackend, added.contains(name) { return !stands(head, index) }
        guard name == .other else { return false }
        let length = UInt64(min(head.fields[index].nameLength, 63))
        let mayBeRemoved = removedLengths >> length & 1 == 1
        guard mayBeRemoved || (addsOthers && !keepsBackend) else { return false }
        let bytes = head.name(at: index)
        if mayBeRemoved, removedOthers.contains(where: { $0.withView { bytes.equalsIgnoringCase($0) } }) {
            return true
        }
        guard !keepsBackend else { return false }
        return lines.contains { line in
            line.name == .other && line.nameBytes.withView { bytes.equalsIgnoringCase($0) }
        } && !stands(head, index)
    }

    /// Writes the lines that an answer of the backend lacks, or all where the backend's own are replaced.
    package func write(for head: borrowing ResponseHead, to writer: inout ByteWriter) {
        let isPage = head.value(of: .contentType).map(SecurityHeadersPlan.isPage) ?? false
        if !isPage, !addsOthers, !head.fields.containsAny(of: added) {
            block.withView { writer.write($0) }
            return
        }
        for line in lines where isPage || !line.htmlOnly {
            if hasStanding(head, line) { continue }
            line.bytes.withView { writer.write($0) }
        }
    }

    /// Whether a field of the backend's own stands although it is one of these: always, where they are kept;
    /// else a content policy with a nonce, which fits one page alone and which no other could replace.
    private func stands(_ head: borrowing ResponseHead, _ index: Int) -> Bool {
        if keepsBackend { return true }
        let name = head.name(at: index)
        guard name.count >= 23, name.prefix(23).equalsIgnoringCase("content-security-policy") else {
            return false
        }
        return SecurityHeadersPlan.hasNonce(head.value(at: index))
    }

    /// Whether the answer has a line's field already, and keeps it.
    private func hasStanding(_ head: borrowing ResponseHead, _ line: Line) -> Bool {
        if line.name != .other, keepsBackend { return head.fields.contains(line.name) }
        if line.name != .other, !line.isContentPolicy { return false }
        for index in 0..<head.fields.count where head.fields[index].name == line.name {
            let name = head.name(at: index)
            if line.nameBytes.withView({ name.equalsIgnoringCase($0) }), stands(head, index) { return true }
        }
        return false
    }

    /// Whether a policy allows scripts or styles by a word that the page alone knows (CSP3 §2.3.1).
    private static func hasNonce(_ policy: ByteView) -> Bool {
        var start = 0
        while let quote = policy.firstIndex(of: 0x27, from: start) {
            let rest = policy.dropFirst(quote + 1)
            if rest.count > 6, rest.prefix(6).equalsIgnoringCase("nonce-") { return true }
            start = quote + 1
        }
        return false
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

    private static func isPage(_ contentType: ByteView) -> Bool {
        contentType.count >= 9 && contentType.prefix(9).equalsIgnoringCase("text/html")
    }
}
