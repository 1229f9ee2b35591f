import Bytes
import JSON
import Time

/// What a token says (RFC 7519 §4), read strictly: one JSON object, no claim twice, the registered ones of
/// the types that they must have. Made of payloads whose signature has been checked, and lives as long as
/// somebody keeps it.
package final class Claims: Sendable {
    /// The JSON text.
    package let payload: [UInt8]
    package let expires: WallTime?
    package let notBefore: WallTime?
    package let issuedAt: WallTime?
    /// All members, so that no claim is looked for in the text again.
    private let members: [JSONMember]
    private let issuerElement: JSONElement?
    private let subjectElement: JSONElement?
    private let idElement: JSONElement?
    private let audienceElement: JSONElement?

    private static let limits = JSONLimits(depth: 32)

    package init(payload: [UInt8]) throws(TokenError) {
        let registered = try Self.registered(payload)
        self.payload = payload
        members = registered.members
        issuerElement = registered.issuer
        subjectElement = registered.subject
        idElement = registered.id
        audienceElement = registered.audience
        expires = registered.expires
        notBefore = registered.notBefore
        issuedAt = registered.issuedAt
    }

    private struct Registered {
        var members: [JSONMember] = []
        var issuer, subject, id, audience: JSONElement?
        var expires, notBefore, issuedAt: WallTime?
    }

    private static func registered(_ payload: [UInt8]) throws(TokenError) -> Registered {
        var result: Result<Registered, TokenError> = .failure(.badClaims)
        payload.withView { text in
            do throws(TokenError) { result = .success(try read(text)) } catch { result = .failure(error) }
        }
        return try result.get()
    }

    private static func read(_ text: ByteView) throws(TokenError) -> Registered {
        guard var members = try? JSONMembers(text, limits: limits) else { throw .badClaims }
        var names = JSONNames()
        var registered = Registered()
        registered.members.reserveCapacity(16)
        while let member = try next(&members) {
            switch names.insert(member.name, in: text) {
            case .new: break
            case .duplicate: throw .duplicateClaim
            case .full: throw .badClaims
            }
            registered.members.append(member)
            // A name with escapes may mean a registered one.
            let value = member.value
            switch member.name.isEscaped ? Self.word(member.name, in: text) : member.name.word(in: text) {
            case Name.iss: registered.issuer = try string(value)
            case Name.sub: registered.subject = try string(value)
            case Name.jti: registered.id = try string(value)
            case Name.aud: registered.audience = try audience(value, in: text)
            case Name.exp: registered.expires = try time(value, in: text)
            case Name.nbf: registered.notBefore = try time(value, in: text)
            case Name.iat: registered.issuedAt = try time(value, in: text)
            default: break
            }
        }
        return registered
    }

    /// Registered names (RFC 7519 §4.1) as `JSONElement.word` has them, the first letter lowest.
    private enum Name {
        static let iss: UInt64 = 0x73_73_69
        static let sub: UInt64 = 0x62_75_73
        static let jti: UInt64 = 0x69_74_6A
        static let aud: UInt64 = 0x64_75_61
        static let exp: UInt64 = 0x70_78_65
        static let nbf: UInt64 = 0x66_62_6E
        static let iat: UInt64 = 0x74_61_69
    }

    /// The word of a name that has escapes: the registered one it means, or none.
    private static func word(_ name: JSONElement, in text: ByteView) -> UInt64? {
        guard let bytes = name.bytes(in: text), bytes.count == 3 else { return nil }
        return UInt64(bytes[0]) | UInt64(bytes[1]) << 8 | UInt64(bytes[2]) << 16
    }

    private static func next(_ members: inout JSONMembers) throws(TokenError) -> JSONMember? {
        do throws(JSONFault) { return try members.next() } catch { throw .badClaims }
    }

    private static func string(_ element: JSONElement) throws(TokenError) -> JSONElement {
        guard element.kind == .string else { throw .badClaims }
        return element
    }

    /// A string or an array of strings (RFC 7519 §4.1.3).
    private static func audience(_ element: JSONElement, in text: ByteView) throws(TokenError) -> JSONElement
    {
        guard element.kind != .string else { return element }
        guard var items = JSONItems(of: element, in: text) else { throw .badClaims }
        while let item = try? items.next() {
            guard item.kind == .string else { throw .badClaims }
        }
        return element
    }

    private static func time(_ element: JSONElement, in text: ByteView) throws(TokenError) -> WallTime {
        guard let decimal = element.decimal(in: text), let time = NumericDate.time(decimal) else {
            throw .badClaims
        }
        return time
    }
}

// MARK: - Looking claims up

extension Claims {
    /// The value of `iss`, `sub`, `jti`.
    package var issuer: [UInt8]? { bytes(issuerElement) }
    package var subject: [UInt8]? { bytes(subjectElement) }
    package var tokenID: [UInt8]? { bytes(idElement) }

    private func bytes(_ element: JSONElement?) -> [UInt8]? {
        payload.withView { text in element?.bytes(in: text) }
    }

    func issuerIs(allowedBy match: TokenRules.Match) -> Bool {
        guard case .oneOf(let values) = match else { return true }
        guard let issuerElement else { return false }
        return payload.withView { text in
            values.contains { $0.withView { issuerElement.equals($0, in: text) } }
        }
    }

    func audienceIs(allowedBy match: TokenRules.Match) -> Bool {
        guard case .oneOf(let values) = match else { return true }
        guard let audienceElement else { return false }
        return payload.withView { text in
            values.contains { Self.holds(audienceElement, $0, in: text) }
        }
    }

    /// The value at a path, as a range of `payload`. Nil where it is missing or ambiguous.
    package func element(_ path: JSONPath) -> JSONElement? {
        payload.withView { path.find(in: $0, among: members) }
    }

    /// Writes the value of a claim as a header or a key wants it: a string without its quotes and escapes, a
    /// number or a boolean as it is written. False for what is missing, null, an array or an object, and
    /// where it does not fit.
    package func write(_ path: JSONPath, into writer: inout ByteWriter) -> Bool {
        payload.withView { text in
            guard let element = path.find(in: text, among: members) else { return false }
            switch element.kind {
            case .string: return element.unescape(in: text, into: &writer)
            case .number, .true, .false:
                writer.write(element.raw(in: text))
                return !writer.overflowed
            case .object, .array, .null: return false
            }
        }
    }

    package func string(_ path: JSONPath) -> [UInt8]? {
        payload.withView { text in path.find(in: text, among: members)?.bytes(in: text) }
    }

    package func integer(_ path: JSONPath) -> Int64? {
        payload.withView { text in path.find(in: text, among: members)?.integer(in: text) }
    }

    package func double(_ path: JSONPath) -> Double? {
        payload.withView { text in path.find(in: text, among: members)?.double(in: text) }
    }

    package func bool(_ path: JSONPath) -> Bool? { element(path)?.bool }

    /// The strings of an array, or the one string that stands there instead. Nil for anything else, and for
    /// an array with something else in it.
    package func strings(_ path: JSONPath) -> [[UInt8]]? {
        payload.withView { text in
            guard let element = path.find(in: text, among: members) else { return nil }
            if let string = element.bytes(in: text) { return [string] }
            guard var items = JSONItems(of: element, in: text) else { return nil }
            var strings: [[UInt8]] = []
            while let item = try? items.next() {
                guard let string = item.bytes(in: text) else { return nil }
                strings.append(string)
            }
            return strings
        }
    }

    /// Whether the claim is `value`, or an array with it: roles. Strings by their value, numbers and booleans
    /// as they are written.
    package func holds(_ value: [UInt8], at path: JSONPath) -> Bool {
        payload.withView { text in
            path.find(in: text, among: members).map { Self.holds($0, value, in: text) } ?? false
        }
    }

    /// Whether the claim has `scope` among its words, a string with blanks between them (RFC 8693 §4.2), or
    /// among its items, an array as some issuers write it.
    package func hasScope(_ scope: [UInt8], at path: JSONPath) -> Bool {
        payload.withView { text in
            guard let element = path.find(in: text, among: members) else { return false }
            guard element.kind == .string else { return Self.holds(element, scope, in: text) }
            // Escapes are unusual in scopes and cost an array then.
            if let words = element.plainString(in: text) { return Self.isWord(scope, of: words) }
            return element.bytes(in: text)?.withView { Self.isWord(scope, of: $0) } ?? false
        }
    }

    private static func isWord(_ word: [UInt8], of text: ByteView) -> Bool {
        guard !word.isEmpty else { return false }
        return word.withView { word in
            var start = 0
            while start <= text.count {
                let end = text.firstIndex(of: 0x20, from: start) ?? text.count
                if text.slice(start, end).equals(word) { return true }
                start = end &+ 1
            }
            return false
        }
    }

    private static func holds(_ element: JSONElement, _ value: [UInt8], in text: ByteView) -> Bool {
        value.withView { value in
            guard var items = JSONItems(of: element, in: text) else {
                return matches(element, value, in: text)
            }
            while let item = try? items.next() {
                if matches(item, value, in: text) { return true }
            }
            return false
        }
    }

    private static func matches(_ element: JSONElement, _ value: ByteView, in text: ByteView) -> Bool {
        switch element.kind {
        case .string: element.equals(value, in: text)
        case .number, .true, .false: element.raw(in: text).equals(value)
        case .object, .array, .null: false
        }
    }
}
