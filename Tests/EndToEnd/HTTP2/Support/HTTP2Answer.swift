/// What came on one stream.
struct HTTP2Answer: CustomStringConvertible {
    /// Interim answers, as they came.
    var interim: [[HPACKDecoder.Field]] = []
    var head: [HPACKDecoder.Field]?
    var body: [UInt8] = []
    var trailers: [HPACKDecoder.Field]?
    var hasEnded = false
    /// The code of RST_STREAM, where one came.
    var reset: UInt32?

    var isOver: Bool { hasEnded || reset != nil }
    var status: Int? { head?.first { $0.name == ":status" }.flatMap { Int($0.value) } }
    var text: String { String(latin1: body) }

    /// Of the head's field that is there once.
    func value(_ name: String) -> String? {
        let values = (head ?? []).filter { $0.name == name }
        return values.count == 1 ? values[0].value : nil
    }

    /// The head without what the gateway adds to each answer or what changes from one to the next.
    func fields(_ names: String...) -> [String] {
        (head ?? []).filter { names.contains($0.name) }.map { "\($0.name): \($0.value)" }
    }

    var description: String {
        var parts: [String] = interim.map { "\(Self.status($0))" }
        if let head { parts.append(Self.status(head)) }
        if !body.isEmpty { parts.append("\(body.count) bytes") }
        if trailers != nil { parts.append("trailers") }
        if hasEnded { parts.append("end") }
        if let reset { parts.append("RST_STREAM \(HTTP2Code.name(reset))") }
        return parts.joined(separator: ", ")
    }

    private static func status(_ fields: [HPACKDecoder.Field]) -> String {
        fields.first { $0.name == ":status" }?.value ?? "no status"
    }

    /// Takes a header block, and says what is wrong with it (RFC 9113 §8).
    mutating func take(_ fields: [HPACKDecoder.Field], isLast: Bool) -> [String] {
        var faults = Self.faults(fields)
        if isLast { hasEnded = true }
        if head != nil {
            if trailers != nil { faults.append("a third header block") }
            if !isLast { faults.append("trailers that do not end the stream") }
            if fields.contains(where: { $0.name.hasPrefix(":") }) {
                faults.append("pseudo-field in trailers")
            }
            trailers = fields
            return faults
        }
        let statuses = fields.filter { $0.name.hasPrefix(":") }
        guard statuses.count == 1, statuses[0].name == ":status", let status = Int(statuses[0].value) else {
            return faults + ["not exactly :status"]
        }
        if fields[0].name != ":status" { faults.append(":status behind a field") }
        if status < 200 {
            if isLast { faults.append("an interim answer that ends the stream") }
            if status == 101 { faults.append("101") }
            interim.append(fields)
        } else {
            head = fields
        }
        return faults
    }

    private static func faults(_ fields: [HPACKDecoder.Field]) -> [String] {
        let banned: Set = ["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"]
        return fields.compactMap { field in
            let name = field.name.latin1
            let value = field.value.latin1
            if banned.contains(field.name) { return "the field \(field.name)" }
            if name.isEmpty
                || name.contains(where: { $0 <= 0x20 || $0 >= 0x7F || (0x41...0x5A).contains($0) })
            {
                return "the field name \(field.name.debugDescription)"
            }
            let isPadded = [0x20, 0x09].contains(value.first) || [0x20, 0x09].contains(value.last)
            if isPadded || value.contains(where: { $0 == 0 || $0 == 0x0A || $0 == 0x0D }) {
                return "the value \(field.value.debugDescription) of \(field.name)"
            }
            return nil
        }
    }
}
