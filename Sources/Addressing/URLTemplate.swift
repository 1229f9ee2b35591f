import Bytes

/// A URL with places for a user's id: `http://127.0.0.1:3000/internal/plan?user={sub}`. Where it leads is
/// the operator's word alone: an id is a part of the path or of the query, never of the host.
package struct URLTemplate: Hashable, Sendable {
    package static let placeholder = "{sub}"

    /// The service; the target is the template's first part.
    private let service: HTTPURL
    /// Between the places.
    private let parts: [String]

    package init(_ text: String) throws(HTTPURL.Problem) {
        var parts: [String] = []
        var rest = text
        while let place = rest.firstRange(of: Self.placeholder) {
            parts.append(String(rest[..<place.lowerBound]))
            rest = String(rest[place.upperBound...])
        }
        parts.append(rest)
        guard parts.count > 1 else {
            throw HTTPURL.Problem("the place of the user's id, \(Self.placeholder), is missing")
        }
        guard !rest.contains("{"), !rest.contains("}"), !parts.contains(where: { $0.contains("{") }) else {
            throw HTTPURL.Problem("the only place is \(Self.placeholder)")
        }
        // With any id this must be a URL; without one it must have got beyond the host already.
        let whole = try HTTPURL(parts.joined(separator: "0"))
        let service = try HTTPURL(parts[0])
        guard service.host == whole.host, service.port == whole.port,
            parts[0].dropFirst(service.scheme.rawValue.count + 3).contains(where: { "/?".contains($0) })
        else { throw HTTPURL.Problem("\(Self.placeholder) stands in the path or in the query") }
        self.service = service
        parts[0] = service.target
        self.parts = parts
    }

    /// The URL for one user; nil for an id that cannot be asked for: without a byte, with more than
    /// `longestID`, or of dots alone, which climbs in a path however it is encoded (RFC 3986 §5.2.4).
    package func url(for id: [UInt8]) -> HTTPURL? {
        guard !id.isEmpty, id.count <= Self.longestID, !id.allSatisfy({ $0 == 0x2E }) else { return nil }
        return HTTPURL(service, target: parts.joined(separator: Self.encoded(id)))
    }

    /// Bytes of a user's id.
    package static let longestID = 256

    /// All but the unreserved characters in hexadecimal (RFC 3986 §2.3).
    private static func encoded(_ id: [UInt8]) -> String {
        var bytes: [UInt8] = []
        for byte in id {
            if ASCII.isLetter(byte) || ASCII.isDigit(byte) || [0x2D, 0x2E, 0x5F, 0x7E].contains(byte) {
                bytes.append(byte)
            } else {
                bytes += [0x25, upperHexDigit(byte >> 4), upperHexDigit(byte & 15)]
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func upperHexDigit(_ value: UInt8) -> UInt8 { value < 10 ? 0x30 + value : 0x37 + value }
}

extension URLTemplate: CustomStringConvertible {
    /// As it is written, without the query.
    package var description: String {
        service.origin + parts.joined(separator: Self.placeholder).prefix { $0 != "?" }
    }
}
