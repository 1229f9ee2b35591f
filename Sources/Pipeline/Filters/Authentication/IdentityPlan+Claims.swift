import Bytes
import JSON
import JWT
import Telemetry

extension IdentityPlan {
    /// Bytes of all fields that tell a backend of one identity.
    static let longestFields = 8 << 10

    /// What a source's verified claims say of their bearer. Nil where a claim cannot stand in a field: a line
    /// end in it would begin another one (security.md 15).
    func identity(of claims: Claims, from index: Int) -> Identity? {
        let source = sources[index]
        var plan = source.plan.flatMap { claims.string($0) }.map { String(decoding: $0, as: UTF8.self) }
        let isLookedUp = plan?.isEmpty ?? true && planBudget != nil
        if plan?.isEmpty ?? true { plan = isLookedUp ? nil : defaultPlan }
        guard let lines = fieldLines(claims, source, plan: plan) else { return nil }
        return Identity(
            .token, subject: String(decoding: claims.subject ?? [], as: UTF8.self), issuer: source.name,
            plan: plan, scopes: claims.words(source.scopes), roles: claims.strings(source.roles) ?? [],
            fieldLines: lines, stripped: stripped, planLine: isLookedUp ? planLine : [],
            countedClaims: countedClaims(in: claims))
    }

    private func countedClaims(in claims: Claims) -> [CountedClaim] {
        guard !counted.isEmpty else { return [] }
        let region = Scratch(size: Self.longestFields)
        return counted.compactMap { path, name in
            var writer = ByteWriter(region.view)
            guard claims.write(path, into: &writer), writer.count > 0 else { return nil }
            return CountedClaim(path: name, value: PinnedText(bytes: writer.view.array()))
        }
    }

    private func fieldLines(_ claims: Claims, _ source: TokenSource, plan: String?) -> [UInt8]? {
        let region = Scratch(size: Self.longestFields)
        var writer = ByteWriter(region.view)
        for field in source.fields {
            let start = writer.count
            field.line.withView { writer.write($0) }
            let valueStart = writer.count
            guard claims.write(fieldValue: field.path, into: &writer), writer.count > valueStart else {
                writer.truncate(to: start)
                continue
            }
            guard !writer.overflowed, IdentityPlan.isFieldValue(writer.view.dropFirst(valueStart)) else {
                return nil
            }
            writer.write("\r\n")
        }
        if let plan {
            let value = Array(plan.utf8)
            guard value.withView(IdentityPlan.isFieldValue) else { return nil }
            planLine.withView { writer.write($0) }
            value.withView { writer.write($0) }
            writer.write("\r\n")
        }
        return writer.overflowed ? nil : writer.view.array()
    }

    /// RFC 9110 §5.5: no controls, and no blanks at its ends, which a reader would take away.
    static func isFieldValue(_ bytes: ByteView) -> Bool {
        guard !bytes.isEmpty, !ASCII.isBlank(bytes[0]), !ASCII.isBlank(bytes[bytes.count - 1]) else {
            return false
        }
        for index in 0..<bytes.count where !ASCII.isFieldContent(bytes[index]) { return false }
        return true
    }
}

extension Claims {
    /// Words of a text, or the texts of a list; none for anything else. A list's texts are what they are: one
    /// with a blank is not two of them.
    fileprivate func words(_ path: JSONPath) -> [[UInt8]] {
        guard let text = string(path) else { return strings(path) ?? [] }
        return text.split(separator: 0x20).map(Array.init)
    }

    /// A claim as a field's value: a list of texts is joined with commas (RFC 9110 §5.6.1). A comma inside of
    /// one is written as in a URL, or it would make two of it: `user,admin` is no admin.
    fileprivate func write(fieldValue path: JSONPath, into writer: inout ByteWriter) -> Bool {
        if write(path, into: &writer) { return true }
        guard let strings = strings(path) else { return false }
        for (index, string) in strings.enumerated() {
            if index > 0 { writer.write(",") }
            for byte in string {
                if byte == UInt8(ascii: ",") { writer.write("%2C") } else { writer.write(byte) }
            }
        }
        return true
    }
}
