import Bytes

/// The way to a value through objects, as settings write it: `app_metadata.plan`. A name that holds a dot is
/// put in quotes, `"https://hasura.io/claims".role`, or its dots are escaped, `https://hasura\.io/claims`.
package struct JSONPath: Equatable, Sendable, CustomStringConvertible {
    /// The names, the outermost first; at least one.
    package let names: [[UInt8]]
    /// As it was written.
    package let description: String

    /// Names of a path.
    package static let deepest = 16

    package init(_ text: String) throws(JSONPathError) {
        var reader = Reader(text)
        names = try reader.names()
        guard names.count <= Self.deepest else { throw .tooDeep }
        description = text
    }

    /// The way to a member of the outermost object, whatever its name holds.
    package init(name: String) {
        names = [Array(name.utf8)]
        description = name
    }

    /// The value in a text that is an object. Nil where it is missing, where the way leads through something
    /// that is no object, and where a name on the way stands twice: of that two readers make different
    /// things.
    package func find(in text: ByteView) -> JSONElement? {
        guard var members = try? JSONMembers(text) else { return nil }
        guard let outermost = find(0, among: &members, in: text) else { return nil }
        return find(in: text, inside: outermost, from: 1)
    }

    /// The same from an object on that stands inside a text.
    package func find(in text: ByteView, inside object: JSONElement) -> JSONElement? {
        find(in: text, inside: object, from: 0)
    }

    /// The same where somebody has read the outermost object's members already.
    package func find(in text: ByteView, among members: [JSONMember]) -> JSONElement? {
        let found = names[0].withView { name in
            var found: JSONElement?
            for member in members where member.name.equals(name, in: text) {
                guard found == nil else { return JSONElement?.none }
                found = member.value
            }
            return found
        }
        return found.flatMap { find(in: text, inside: $0, from: 1) }
    }

    private func find(in text: ByteView, inside object: JSONElement, from first: Int) -> JSONElement? {
        var element = object
        for place in first..<max(first, names.count) {
            guard var members = JSONMembers(of: element, in: text),
                let found = find(place, among: &members, in: text)
            else { return nil }
            element = found
        }
        return element
    }

    private func find(_ place: Int, among members: inout JSONMembers, in text: ByteView) -> JSONElement? {
        names[place].withView { name in
            var found: JSONElement?
            while true {
                let next: JSONMember?
                do throws(JSONFault) { next = try members.next() } catch { return nil }
                guard let member = next else { return found }
                guard member.name.equals(name, in: text) else { continue }
                guard found == nil else { return nil }
                found = member.value
            }
        }
    }

    private struct Reader {
        private let text: [UInt8]
        private var index = 0

        init(_ text: String) { self.text = Array(text.utf8) }

        mutating func names() throws(JSONPathError) -> [[UInt8]] {
            guard !text.isEmpty else { throw .empty }
            var names = [try name()]
            while index < text.count {
                guard text[index] == UInt8(ascii: ".") else { throw .behindQuote }
                index += 1
                names.append(try name())
            }
            return names
        }

        private mutating func name() throws(JSONPathError) -> [UInt8] {
            let isQuoted = index < text.count && text[index] == UInt8(ascii: "\"")
            if isQuoted { index += 1 }
            var name: [UInt8] = []
            var hasEscapes = false
            while index < text.count {
                let byte = text[index]
                if byte == UInt8(ascii: "\""), isQuoted {
                    index += 1
                    return name
                }
                if byte == UInt8(ascii: "."), !isQuoted { break }
                index += 1
                guard byte == UInt8(ascii: "\\") else {
                    name.append(byte)
                    continue
                }
                hasEscapes = true
                guard index < text.count else { throw .unfinished }
                name.append(text[index])
                index += 1
            }
            guard !isQuoted else { throw .unfinished }
            guard !name.isEmpty else { throw .emptyName }
            // `https://a.b/c` with bare dots is a name that somebody forgot to quote, not three names.
            let isAddress = name.contains(UInt8(ascii: ":")) && name.contains(UInt8(ascii: "/"))
            guard index == text.count || hasEscapes || !isAddress else { throw .unquotedAddress }
            return name
        }
    }
}

/// Why a path cannot be read, in words for who wrote it.
package enum JSONPathError: Error, Equatable, Sendable, CustomStringConvertible {
    case empty, emptyName, unfinished, behindQuote, tooDeep, unquotedAddress

    package var description: String {
        switch self {
        case .empty: "the path is empty: name a member, as in app_metadata.plan"
        case .emptyName: "a name between two dots is empty"
        case .unfinished: "a quote is not closed, or nothing stands behind a backslash"
        case .behindQuote: "a dot must stand between a quoted name and the next one"
        case .tooDeep: "more than \(JSONPath.deepest) names"
        case .unquotedAddress:
            "a name with dots must be put in quotes, as in \"https://hasura.io/claims\".role"
        }
    }
}
