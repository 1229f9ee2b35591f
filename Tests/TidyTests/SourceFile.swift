/// A Swift file as the checks see it: its lines as written, and the same lines with comments and literals
/// blanked out.
struct SourceFile {
    /// Path from the repository's root.
    let path: String
    /// The lines as written.
    let lines: [String]
    /// The same lines with spaces for comments, the text of literals and names in backticks: what the
    /// compiler acts on.
    let code: [String]

    init(path: String, text: String) {
        self.path = path
        lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        var blanking = Blanking(text)
        code = blanking.run().split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    }

    /// `Sources/X/...` and `Tests/X/...` give X; nil elsewhere.
    var module: String? {
        let parts = path.split(separator: "/")
        return parts.count >= 3 ? String(parts[1]) : nil
    }

    /// Numbers of the lines of code in which `token` stands, counted from 1. Where the token begins or ends
    /// like a word, it must not be part of a longer one.
    func linesOfCode(with token: String) -> [Int] {
        code.indices.filter { code[$0].containsToken(token) }.map { $0 + 1 }
    }

    /// Numbers of the lines, comments included, in which `token` stands, counted from 1.
    func lines(with token: String) -> [Int] {
        lines.indices.filter { lines[$0].containsToken(token) }.map { $0 + 1 }
    }
}

/// What a check found, printed as `file:line: message`; the message says what to do.
struct Finding: CustomStringConvertible, Equatable {
    let path: String
    let line: Int
    let message: String

    var description: String { "\(path):\(line): \(message)" }
}

extension String {
    func containsToken(_ token: String) -> Bool {
        let text = Array(utf8)
        let wanted = Array(token.utf8)
        guard let first = wanted.first, let last = wanted.last, text.count >= wanted.count else {
            return false
        }
        return (0...(text.count - wanted.count)).contains { start in
            let end = start + wanted.count
            guard text[start] == first, text[start..<end].elementsEqual(wanted) else { return false }
            if first.isWordByte, start > 0, text[start - 1].isWordByte { return false }
            if last.isWordByte, end < text.count, text[end].isWordByte { return false }
            return true
        }
    }
}

extension UInt8 {
    /// A letter, a digit, an underscore, or a part of a letter outside of ASCII.
    var isWordByte: Bool {
        switch self {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x5F, 0x80...0xFF: true
        default: false
        }
    }
}
