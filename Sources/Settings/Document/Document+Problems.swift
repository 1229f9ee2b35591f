import Yams

extension Document {
    /// What Yams says, in the words of somebody who edits settings.
    static func problem(from error: YamlError, text: String) -> Problem {
        switch error {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
            .composer(_, let problem, let mark, _):
            let mark = Mark(line: max(1, mark.line), column: max(1, mark.column))
            return Problem(mark: mark, message: words(for: problem, at: mark, text: text))
        case .reader(_, let offset, let value, _):
            let code = value >= 0 ? " (U+\(String(value, radix: 16, uppercase: true)))" : ""
            let mark = offset.map { place(of: $0, in: text) } ?? Mark(line: 1, column: 1)
            return Problem(mark: mark, message: "a character that YAML does not allow\(code)")
        case .memory:
            return Problem(mark: Mark(line: 1, column: 1), message: "no memory to read the file")
        case .duplicatedKeysInMapping(_, let context):
            let mark = Mark(line: max(1, context.mark.line), column: max(1, context.mark.column))
            return Problem(mark: mark, message: "duplicate key")
        case .no, .writer, .emitter, .representer, .dataCouldNotBeDecoded:
            return Problem(mark: Mark(line: 1, column: 1), message: "the file cannot be read as YAML")
        }
    }

    /// Hints for what people trip over: tabs, and texts that YAML takes for its own signs.
    private static func words(for problem: String, at mark: Mark, text: String) -> String {
        let source = SourceText(text, secretKeys: [])
        let line = source.line(mark.line)
        if source.scalar(at: mark) == "\t" { return "a tab cannot indent; use spaces" }
        let isAlias = problem == "did not find expected alphabetic or numeric character" && line.contains("*")
        if problem == "found undefined alias" || isAlias {
            return "no part of the file is named by this alias; put a text that begins with * in quotes"
        }
        if problem == "but found another document" {
            return "one file holds one document; remove the second \"---\""
        }
        if line.contains("${"), line.contains("{ ") || line.contains("[") || line.contains(": {") {
            return "not valid YAML: \(problem); inside { } and [ ] put \"${…}\" in quotes"
        }
        if line.contains("]:") {
            return "not valid YAML: \(problem); put an IPv6 address in quotes: \"[::1]:8080\""
        }
        if problem.hasPrefix("Maximum nesting level") { return "nested too deeply" }
        return "not valid YAML: \(problem)"
    }

    /// The place of a character, counted from 0.
    private static func place(of offset: Int, in text: String) -> Mark {
        var mark = Mark(line: 1, column: 1)
        for character in text.prefix(offset) {
            if character.isNewline {
                mark.line += 1
                mark.column = 1
            } else {
                mark.column += character.unicodeScalars.count
            }
        }
        return mark
    }

    /// Whether a file with many aliases may use one inside a key. Yams compares keys whole, which such a file
    /// can make as long as it likes before any node can be counted; and no settings need it.
    static func hasNestedKeys(_ text: String) -> Bool {
        var aliases = 0
        var suspicious = false
        for line in text.split(whereSeparator: \.isNewline) {
            let bytes = Array(line.utf8)
            for index in bytes.indices {
                let next = index + 1 < bytes.count ? bytes[index + 1] : 0x20
                let isBeforeBlank = next == 0x20 || next == 0x09
                switch bytes[index] {
                case UInt8(ascii: "*") where !isBeforeBlank: aliases += 1
                case UInt8(ascii: "?") where isBeforeBlank: suspicious = true
                case UInt8(ascii: ":") where isBeforeBlank && endsNestedKey(bytes[..<index]):
                    suspicious = true
                default: continue
                }
            }
        }
        return suspicious && aliases >= 16
    }

    /// `*alias`, `]` or `}`, with blanks behind it or not.
    private static func endsNestedKey(_ bytes: ArraySlice<UInt8>) -> Bool {
        let trimmed = bytes.reversed().drop { $0 == 0x20 || $0 == 0x09 }
        guard let last = trimmed.first else { return false }
        if last == UInt8(ascii: "]") || last == UInt8(ascii: "}") { return true }
        let word = trimmed.prefix { $0 > 0x20 && ![0x2C, 0x5B, 0x5D, 0x7B, 0x7D].contains($0) }
        return word.reversed().first == UInt8(ascii: "*")
    }
}
