/// A place in a file.
package struct Mark: Hashable, Comparable, Sendable {
    /// From 1.
    package var line: Int
    /// From 1, counted in Unicode scalars.
    package var column: Int

    package init(line: Int, column: Int) {
        self.line = line
        self.column = column
    }

    package static func < (left: Mark, right: Mark) -> Bool {
        (left.line, left.column) < (right.line, right.column)
    }
}

/// What is wrong with a file, where, and what was probably meant.
package struct Diagnostic: Hashable, Sendable {
    package enum Severity: String, Sendable { case error, warning }

    package var severity: Severity
    package var file: String
    package var mark: Mark
    package var message: String
    /// What to write instead, as it stands in the file.
    package var suggestion: String?
    /// The line of the file, secrets masked; empty where the file has no such line.
    package var excerpt: String

    /// `gateway.yaml:11:7: error: unknown key "burts" (did you mean "burst"?)`.
    package var headline: String {
        let place = "\(file):\(mark.line):\(mark.column): \(severity.rawValue): \(message)"
        guard let suggestion else { return place }
        return place + " (did you mean \(suggestion.quoted)?)"
    }

    /// The headline, the line itself and a caret below the place.
    package var description: String {
        guard !excerpt.isEmpty else { return headline }
        let number = String(mark.line)
        let gutter = String(repeating: " ", count: max(0, 5 - number.count))
        let shown = "\(headline)\n\(gutter)\(number) | \(excerpt)"
        // Behind what is shown of a long line, or inside a secret, a caret would point at nothing.
        guard mark.column <= excerpt.unicodeScalars.count + 1 else { return shown }
        // Tabs are kept, so that the caret stands below its character whatever a terminal makes of them.
        let indent = excerpt.unicodeScalars.prefix(mark.column - 1).map { $0 == "\t" ? "\t" : " " }.joined()
        return "\(shown)\n      | \(indent)^"
    }
}

extension [Diagnostic] {
    package var hasErrors: Bool { contains { $0.severity == .error } }

    /// As a terminal shows them.
    package var text: String { map(\.description).joined(separator: "\n") }
}

extension String {
    /// In double quotes, control characters escaped, cut where it would fill the screen.
    var quoted: String {
        let limit = 80
        var text = "\""
        for scalar in unicodeScalars.prefix(limit) {
            switch scalar {
            case "\"": text += "\\\""
            case "\n": text += "\\n"
            case "\r": text += "\\r"
            case "\t": text += "\\t"
            case _ where scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value):
                text += "\\u{\(String(scalar.value, radix: 16))}"
            default: text.unicodeScalars.append(scalar)
            }
        }
        return text + (unicodeScalars.count > limit ? "…\"" : "\"")
    }
}
