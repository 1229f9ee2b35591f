import Foundation

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

    private let text: String
    private let codeText: String

    init(path: String, text: String) {
        self.path = path
        self.text = text
        lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        var blanking = Blanking(text)
        codeText = blanking.run()
        code = codeText.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    }

    /// `Sources/X/...` and `Tests/X/...` give X; nil elsewhere.
    var module: String? {
        let parts = path.split(separator: "/")
        return parts.count >= 3 ? String(parts[1]) : nil
    }

    /// Numbers of the lines of code in which `token` stands, counted from 1. Where the token begins or ends
    /// like a word, it must not be part of a longer one.
    func linesOfCode(with token: String) -> [Int] { Self.lines(in: codeText, with: token) }

    /// Numbers of the lines, comments included, in which `token` stands, counted from 1.
    func lines(with token: String) -> [Int] { Self.lines(in: text, with: token) }

    /// By the C library: these run over the whole tree in a debug build.
    private static func lines(in text: String, with token: String) -> [Int] {
        text.withCString { start in
            var numbers: [Int] = []
            var counted = start
            var number = 1
            var position = start
            while let match = strstr(position, token) {
                let found = UnsafePointer(match)
                position = found + 1
                guard isWhole(found, length: strlen(token), in: start) else { continue }
                while let end = memchr(counted, 0x0A, found - counted) {
                    number += 1
                    counted = UnsafePointer(end.assumingMemoryBound(to: CChar.self) + 1)
                }
                if numbers.last != number { numbers.append(number) }
            }
            return numbers
        }
    }

    /// Whether what was found is not a part of a longer word.
    private static func isWhole(_ found: UnsafePointer<CChar>, length: Int, in start: UnsafePointer<CChar>)
        -> Bool
    {
        func isWord(_ index: Int) -> Bool { UInt8(bitPattern: found[index]).isWordByte }
        if found > start, isWord(0), isWord(-1) { return false }
        return !(isWord(length - 1) && isWord(length))
    }
}

/// What a check found, printed as `file:line: message`; the message says what to do.
struct Finding: CustomStringConvertible, Equatable {
    let path: String
    let line: Int
    let message: String

    var description: String { "\(path):\(line): \(message)" }
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
