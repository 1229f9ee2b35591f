/// The head of a request as the origin received it.
struct DemoRequest: Equatable, Sendable {
    enum Framing: Equatable {
        case none
        /// Bytes by Content-Length.
        case length(Int)
        case chunked
    }

    struct Field: Equatable {
        /// Lower-case.
        let name: String
        let value: String
    }

    let method: String
    /// Without the query.
    let path: String
    let query: String
    let isHTTP10: Bool
    let fields: [Field]
    let framing: Framing

    /// Values of a field, joined as RFC 9110 §5.3 allows; nil where it is absent.
    func value(_ name: String) -> String? {
        let values = fields.filter { $0.name == name }.map(\.value)
        return values.isEmpty ? nil : values.joined(separator: ", ")
    }

    /// Whether a field's comma-separated list holds a token, in any case.
    func lists(_ token: String, in name: String) -> Bool {
        (value(name) ?? "").split(separator: ",").contains { Self.trimmed($0).lowercased() == token }
    }

    /// Whether the client wants the connection kept (RFC 9112 §9.3).
    var keepsAlive: Bool {
        isHTTP10 ? lists("keep-alive", in: "connection") : !lists("close", in: "connection")
    }

    /// A whole number out of the query, held within bounds; `fallback` where it is absent or no number.
    func number(_ name: String, default fallback: Int, in bounds: ClosedRange<Int>) -> Int {
        for item in query.split(separator: "&") {
            let parts = item.split(separator: "=", maxSplits: 1)
            guard parts.count == 2, parts[0] == name, let value = Int(parts[1]) else { continue }
            return min(max(value, bounds.lowerBound), bounds.upperBound)
        }
        return fallback
    }

    static func trimmed(_ text: some StringProtocol) -> String {
        let isBlank: (Character) -> Bool = { $0 == " " || $0 == "\t" }
        let head = text.drop(while: isBlank)
        return String(head.reversed().drop(while: isBlank).reversed())
    }
}

extension DemoRequest {
    /// Parses a head without its closing empty line. Strict, as an origin behind a gateway can afford to be.
    init(head: [UInt8]) throws(ConnectionEnd) {
        var lines = try Self.lines(of: head)
        guard !lines.isEmpty else { throw .refused(.badRequest) }
        let requestLine = lines.removeFirst().split(separator: 0x20, omittingEmptySubsequences: false)
        guard requestLine.count == 3, !requestLine[0].isEmpty, requestLine[0].allSatisfy(Self.isToken),
            requestLine[1].allSatisfy({ $0 > 0x20 && $0 < 0x7F })
        else { throw .refused(.badRequest) }
        switch String(decoding: requestLine[2], as: UTF8.self) {
        case "HTTP/1.1": isHTTP10 = false
        case "HTTP/1.0": isHTTP10 = true
        case let version where version.hasPrefix("HTTP/"): throw .refused(.versionNotSupported)
        default: throw .refused(.badRequest)
        }
        method = String(decoding: requestLine[0], as: UTF8.self)
        let target = requestLine[1].split(
            separator: UInt8(ascii: "?"), maxSplits: 1, omittingEmptySubsequences: false)
        path = String(decoding: target[0], as: UTF8.self)
        query = target.count == 2 ? String(decoding: target[1], as: UTF8.self) : ""
        var fields: [Field] = []
        for line in lines { fields.append(try Self.field(line)) }
        self.fields = fields
        framing = try Self.framing(of: fields, isHTTP10: isHTTP10)
    }

    /// The lines of a head; a CR or an LF that stands alone is refused (RFC 9112 §2.2).
    private static func lines(of head: [UInt8]) throws(ConnectionEnd) -> [ArraySlice<UInt8>] {
        var lines: [ArraySlice<UInt8>] = []
        for part in head.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
            let isLast = part.endIndex == head.endIndex
            guard isLast || part.last == UInt8(ascii: "\r") else { throw .refused(.badRequest) }
            let line = isLast ? part : part.dropLast()
            guard !line.contains(UInt8(ascii: "\r")) else { throw .refused(.badRequest) }
            lines.append(line)
        }
        return lines
    }

    private static func field(_ line: ArraySlice<UInt8>) throws(ConnectionEnd) -> Field {
        guard let colon = line.firstIndex(of: UInt8(ascii: ":")), colon > line.startIndex,
            line[..<colon].allSatisfy(isToken)
        else { throw .refused(.badRequest) }
        let value = line[(colon + 1)...]
        guard value.allSatisfy({ $0 == 0x09 || ($0 >= 0x20 && $0 != 0x7F) }) else {
            throw .refused(.badRequest)
        }
        return Field(
            name: String(decoding: line[..<colon], as: UTF8.self).lowercased(),
            value: trimmed(String(decoding: value, as: UTF8.self)))
    }

    /// How the body ends (RFC 9112 §6.3); what is ambiguous is refused.
    private static func framing(of fields: [Field], isHTTP10: Bool) throws(ConnectionEnd) -> Framing {
        let codings = fields.filter { $0.name == "transfer-encoding" }
        let lengths = fields.filter { $0.name == "content-length" }
        if let coding = codings.first {
            guard codings.count == 1, lengths.isEmpty, !isHTTP10, coding.value.lowercased() == "chunked"
            else {
                throw .refused(.badRequest)
            }
            return .chunked
        }
        guard let length = lengths.first else { return .none }
        let digits = length.value.utf8
        guard lengths.count == 1, (1...15).contains(digits.count),
            digits.allSatisfy({ (0x30...0x39).contains($0) }),
            let bytes = Int(length.value)
        else { throw .refused(.badRequest) }
        return bytes == 0 ? .none : .length(bytes)
    }

    /// `tchar` (RFC 9110 §5.6.2).
    private static func isToken(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
        case UInt8(ascii: "a")...UInt8(ascii: "z"): true
        default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
    }
}
