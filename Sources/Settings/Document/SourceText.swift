/// The lines of a file, as diagnostics show them: without what must not be seen.
struct SourceText: Sendable {
    private var lines: [String]
    /// Where a secret begins, by line. What follows on the line is masked.
    private var secretColumns: [Int: Int] = [:]

    /// - Parameter secretKeys: keys whose values are masked even where the file cannot be parsed.
    init(_ text: String, secretKeys: Set<String>) {
        lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).map(String.init)
        guard !secretKeys.isEmpty else { return }
        var secretIndent: Int?
        for (index, line) in lines.enumerated() {
            let indent = line.prefix { $0 == " " }.count
            // A secret of several lines goes on as long as lines are indented deeper than its key.
            if let outer = secretIndent, indent > outer || line.allSatisfy(\.isWhitespace) {
                secretColumns[index + 1] = 1
                continue
            }
            secretIndent = nil
            guard let column = Self.column(behind: secretKeys, in: line) else { continue }
            secretColumns[index + 1] = column
            secretIndent = indent
        }
    }

    /// Masks what stands at `mark`, from there to the end of its last line.
    mutating func hide(_ mark: Mark, lineBreaks: Int) {
        secretColumns[mark.line] = min(mark.column, secretColumns[mark.line] ?? .max)
        for line in stride(from: mark.line + 1, through: mark.line + lineBreaks, by: 1) {
            secretColumns[line] = 1
        }
    }

    /// A line without what is secret in it, cut to 160 scalars; empty where there is none.
    func excerpt(line: Int) -> String {
        guard lines.indices.contains(line - 1) else { return "" }
        var scalars = lines[line - 1].unicodeScalars.prefix(160)
        let secret = secretColumns[line]
        if let secret { scalars = scalars.prefix(secret - 1) }
        var text = ""
        for scalar in scalars {
            text.unicodeScalars.append(
                scalar == "\t" || scalar.value >= 0x20 && scalar.value != 0x7F ? scalar : "?")
        }
        return secret == nil ? text : text + "<secret>"
    }

    /// The scalar at a place, for hints about what YAML made of it.
    func scalar(at mark: Mark) -> Unicode.Scalar? {
        guard lines.indices.contains(mark.line - 1) else { return nil }
        return lines[mark.line - 1].unicodeScalars.dropFirst(mark.column - 1).first
    }

    /// The whole line, for the same. Never shown.
    func line(_ number: Int) -> String { lines.indices.contains(number - 1) ? lines[number - 1] : "" }

    /// Column behind the colon of the first of `keys`, or nil.
    private static func column(behind keys: Set<String>, in line: String) -> Int? {
        let scalars = Array(line.unicodeScalars)
        var wordStart: Int?
        for (index, scalar) in scalars.enumerated() {
            let isWord = scalar == "_" || scalar == "-" || scalar.properties.isAlphabetic
            if isWord {
                wordStart = wordStart ?? index
                continue
            }
            defer { wordStart = nil }
            guard let start = wordStart else { continue }
            var word = String.UnicodeScalarView()
            word.append(contentsOf: scalars[start..<index])
            guard keys.contains(String(word)) else { continue }
            // A quote and blanks may stand before the colon.
            let behind = scalars[index...].drop { $0 == "\"" || $0 == "'" || $0 == " " }
            if behind.first == ":" { return behind.startIndex + 2 }
        }
        return nil
    }
}
