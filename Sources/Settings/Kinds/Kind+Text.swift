import Bytes

extension Kind where Value == String {
    /// Any text up to a length in bytes. `accepts` may refuse more.
    package static func text(
        _ words: String, maxLength: Int,
        accepts: @escaping @Sendable (String) throws(Refusal) -> Void = { _ in }
    ) -> Kind {
        .scalar(
            words, schema: .object([("type", .string("string")), ("maxLength", .number("\(maxLength)"))])
        ) { text throws(Refusal) in
            guard text.utf8.count <= maxLength else { throw Refusal("longer than \(maxLength) bytes") }
            try accepts(text)
            return text
        } write: {
            YAMLText.scalar($0)
        }
    }

    /// The name of something declared elsewhere in the file; whether it exists is checked when all is read.
    package static func name(of thing: String) -> Kind {
        text("the name of \(thing)", maxLength: 64) { text throws(Refusal) in
            guard !text.isEmpty else { throw Refusal() }
        }
    }

    /// A field's name, stored in lower case.
    package static var headerName: Kind {
        .scalar("a header's name") { text throws(Refusal) in
            try Header.check(name: text)
            return text.lowercased()
        } write: {
            YAMLText.scalar($0)
        }
    }
}

extension Kind where Value: RawRepresentable<String> & CaseIterable {
    /// One of the cases, by their raw values.
    package static var choice: Kind {
        let names = Value.allCases.map(\.rawValue)
        let words =
            names.count == 1
            ? names[0] : names.dropLast().joined(separator: ", ") + " or " + (names.last ?? "")
        return .scalar(
            words, schema: .object([("enum", .array(names.map(JSONValue.string)))])
        ) { text throws(Refusal) in
            guard let value = Value(rawValue: text) else {
                throw Refusal(suggestion: Suggestion.nearest(to: text, among: Value.allCases.map(\.rawValue)))
            }
            return value
        } write: {
            $0.rawValue
        }
    }
}

/// What a header field may be (RFC 9110 §5).
package enum Header {
    static let maxNameLength = 128
    static let maxValueLength = 8 << 10
    /// Bytes of all fields of one map, as they are sent: two of them fit beside any head where heads are
    /// written.
    static let maxMapLength = 12 << 10

    package static func check(name: String) throws(Refusal) {
        guard (1...maxNameLength).contains(name.utf8.count), name.utf8.allSatisfy(ASCII.isToken) else {
            throw Refusal("a header's name is 1 to \(maxNameLength) letters, digits and - (RFC 9110 §5.1)")
        }
    }

    /// CR, LF and NUL would end the field and begin another.
    package static func check(value: String) throws(Refusal) {
        guard value.utf8.allSatisfy(ASCII.isFieldContent) else {
            throw Refusal("a header's value holds no line breaks and no control characters")
        }
        guard value.utf8.count <= maxValueLength else {
            throw Refusal("a header's value has at most \(maxValueLength) bytes")
        }
        guard value.utf8.first.map(ASCII.isBlank) != true, value.utf8.last.map(ASCII.isBlank) != true else {
            throw Refusal("a header's value neither begins nor ends with a blank")
        }
    }

    /// Fields that the gateway writes itself: a second one would contradict it, or break a message's framing.
    package static func isGatewayWritten(_ name: String) -> Bool {
        [
            "connection", "content-length", "transfer-encoding", "te", "trailer", "upgrade", "keep-alive",
            "proxy-connection", "host", "date", "x-request-id",
        ].contains(name.lowercased())
    }
}

/// How the reference writes texts.
package enum YAMLText {
    /// In quotes where plain text would mean something else.
    package static func scalar(_ text: String) -> String {
        let isPlain = text.utf8.allSatisfy { byte in
            ASCII.isLetter(byte) || ASCII.isDigit(byte) || [0x2D, 0x2E, 0x2F, 0x5F].contains(byte)
        }
        return isPlain && !text.isEmpty && text != "null" && !text.hasPrefix("-")
            ? text : JSONValue.quote(text)
    }
}

extension Kind where Value == String {
    /// A file's path, absolute or from the directory that the gateway runs in.
    package static var filePath: Kind {
        text("a file's path", maxLength: 4096) { text throws(Refusal) in
            guard !text.isEmpty else { throw Refusal() }
            guard !text.utf8.contains(0) else { throw Refusal("a path holds no NUL") }
        }
    }
}
