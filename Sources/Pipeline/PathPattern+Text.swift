import Bytes
import Settings

extension Kind where Value == PathPattern {
    package static var pathPattern: Kind {
        .scalar("a path such as /api/orders, /api/* or /users/{id}") { text throws(Refusal) in
            try PathPattern(parsing: text)
        } write: { _ in
            nil
        }
    }
}

extension PathPattern {
    /// Longest path in bytes and most segments of a pattern.
    private static let maxLength = 1024
    private static let maxSegments = 64

    package init(parsing text: String) throws(Refusal) {
        guard text.hasPrefix("/") else {
            throw Refusal("a path begins with /", suggestion: text.contains("://") ? nil : "/" + text)
        }
        var path = text
        let isPrefix = path.hasSuffix("/*")
        if isPrefix { path.removeLast(2) }
        guard path.contains("{") || path.contains("}") else {
            if path.contains("*") {
                throw Refusal("* stands only at the end, behind a /; use {name} for one segment")
            }
            if !path.isEmpty { try Self.check(path) }
            guard isPrefix, path.hasSuffix("/") else {
                self = isPrefix ? .prefix(path) : .exact(path)
                return
            }
            throw Refusal("// never stands in a normalised path")
        }
        let segments = try Self.segments(of: path)
        self = .segments(isPrefix ? segments + [.rest] : segments)
    }

    private static func segments(of path: String) throws(Refusal) -> [Segment] {
        var names: Set<Substring> = []
        var segments: [Segment] = []
        for part in path.dropFirst().split(separator: "/", omittingEmptySubsequences: false) {
            guard part.contains("{") || part.contains("}") else {
                if part.contains("*") {
                    throw Refusal("* stands only at the end, behind a /; use {name} for one segment")
                }
                if !part.isEmpty { try check("/" + part) }
                segments.append(.literal(String(part)))
                continue
            }
            let name = part.dropFirst().dropLast()
            let isName = name.utf8.allSatisfy {
                ASCII.isLetter($0) || ASCII.isDigit($0) || $0 == UInt8(ascii: "_")
            }
            guard part.hasPrefix("{"), part.hasSuffix("}"), !name.isEmpty, isName else {
                throw Refusal("{name} stands for one whole segment; a name is letters, digits and _")
            }
            guard names.insert(name).inserted else { throw Refusal("{\(name)} stands there twice") }
            segments.append(.any(name: String(name)))
        }
        // A slash at the end is an empty last segment; inside it never matches.
        guard !segments.dropLast().contains(.literal("")) else {
            throw Refusal("// never stands in a normalised path")
        }
        guard segments.count <= maxSegments else { throw Refusal("more than \(maxSegments) segments") }
        return segments
    }

    /// What a normalised path can be: a route with anything else would look right and never match.
    static func check(_ path: String) throws(Refusal) {
        guard path.hasPrefix("/") else { throw Refusal("a path begins with /", suggestion: "/" + path) }
        guard path.utf8.count <= maxLength else { throw Refusal("longer than \(maxLength) bytes") }
        guard !path.contains("//") else { throw Refusal("// never stands in a normalised path") }
        let parts = path.split(separator: "/")
        guard !parts.contains("."), !parts.contains("..") else {
            throw Refusal(". and .. never stand in a normalised path")
        }
        guard !parts.contains(where: { $0.hasPrefix(";") || $0.hasPrefix("%3B") }) else {
            throw Refusal("a segment has a name before its parameters")
        }
        let bytes = Array(path.utf8)
        for (index, byte) in bytes.enumerated() {
            if byte >= 0x80 { throw Refusal("characters beyond ASCII are written as %XX") }
            guard byte > 0x20, byte != 0x7F else {
                throw Refusal("blanks and control characters are written as %XX")
            }
            switch byte {
            case UInt8(ascii: "?"), UInt8(ascii: "#"): throw Refusal("a path ends before ? and #")
            case UInt8(ascii: "\\"): throw Refusal("\\ never stands in a normalised path")
            case UInt8(ascii: "%"): try checkEscape(bytes[(index + 1)...].prefix(2))
            default: continue
            }
        }
    }

    /// Two capital digits (RFC 3986 §6.2.2) of a byte that is not written plainly and may stand in a path.
    private static func checkEscape(_ digits: ArraySlice<UInt8>) throws(Refusal) {
        let values = digits.compactMap(ASCII.hexValue)
        guard values.count == 2, !digits.contains(where: { $0 >= 0x61 }) else {
            throw Refusal("% is followed by two digits in capitals: %2A")
        }
        let byte = values[0] << 4 | values[1]
        let isUnreserved =
            ASCII.isLetter(byte) || ASCII.isDigit(byte) || [0x2D, 0x2E, 0x5F, 0x7E].contains(byte)
        if isUnreserved { throw Refusal("letters, digits and - . _ ~ are not escaped in a normalised path") }
        if [0x00, 0x2F, 0x5C].contains(byte) {
            throw Refusal("an escaped /, \\ or NUL is refused before routes are asked")
        }
    }

    /// As a file writes it.
    package var text: String {
        switch self {
        case .exact(let path): path
        case .prefix(let path): path + "/*"
        case .segments(let segments):
            "/"
                + segments.map { segment in
                    switch segment {
                    case .literal(let text): text
                    case .any(let name): "{\(name)}"
                    case .rest: "*"
                    }
                }.joined(separator: "/")
        }
    }

    /// Whether every path that matches lies at or below `prefix`.
    package func begins(with prefix: String) -> Bool {
        switch self {
        case .exact(let path), .prefix(let path): return path == prefix || path.hasPrefix(prefix + "/")
        case .segments(let segments):
            let wanted = prefix.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
            return wanted.count <= segments.count
                && zip(wanted, segments).allSatisfy { $1 == .literal(String($0)) }
        }
    }
}

extension HostPattern {
    package var text: String {
        switch self {
        case .exact(let host): host
        case .subdomains(let host): "*." + host
        }
    }
}
