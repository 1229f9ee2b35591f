/// Replaces comments, the text of literals and names in backticks by spaces; code inside interpolations
/// stays.
struct Blanking {
    private enum Context: Equatable {
        /// Code; inside an interpolation, the number of open parentheses.
        case code(parentheses: Int)
        case string(hashes: Int, multiline: Bool)
    }

    private let text: [UInt8]
    private var output: [UInt8] = []
    private var position = 0
    private var contexts: [Context] = [.code(parentheses: 0)]

    init(_ text: String) {
        self.text = Array(text.utf8)
        output.reserveCapacity(self.text.count)
    }

    mutating func run() -> String {
        while position < text.count, let context = contexts.last {
            switch context {
            case .code(let parentheses): code(parentheses: parentheses)
            case .string(let hashes, let multiline): string(hashes: hashes, multiline: multiline)
            }
        }
        return String(decoding: output, as: UTF8.self)
    }

    private mutating func code(parentheses: Int) {
        if follows("//") {
            blank { !$0.follows("\n") }
        } else if follows("/*") {
            blockComment()
        } else if follows("`") {
            blank(1)
            blank { !$0.follows("`") && !$0.follows("\n") }
            blank(1)
        } else if let hashes = hashesBeforeQuote() {
            let multiline = follows("\"\"\"", after: hashes)
            blank(hashes + (multiline ? 3 : 1))
            contexts.append(.string(hashes: hashes, multiline: multiline))
        } else {
            parenthesis(open: parentheses)
        }
    }

    /// Copies one byte of code and notices where an interpolation ends.
    private mutating func parenthesis(open: Int) {
        let byte = text[position]
        let isInterpolation = contexts.count > 1
        if byte == UInt8(ascii: ")"), isInterpolation, open == 0 {
            contexts.removeLast()
            return blank(1)
        }
        if isInterpolation, byte == UInt8(ascii: "(") {
            contexts[contexts.count - 1] = .code(parentheses: open + 1)
        }
        if isInterpolation, byte == UInt8(ascii: ")") {
            contexts[contexts.count - 1] = .code(parentheses: open - 1)
        }
        output.append(byte)
        position += 1
    }

    private mutating func string(hashes: Int, multiline: Bool) {
        let hashText = String(repeating: "#", count: hashes)
        if follows((multiline ? "\"\"\"" : "\"") + hashText) || (!multiline && follows("\n")) {
            contexts.removeLast()
            blank((multiline ? 3 : 1) + hashes)
        } else if follows("\\" + hashText + "(") {
            blank(2 + hashes)
            contexts.append(.code(parentheses: 0))
        } else if follows("\\" + hashText) {
            blank(2 + hashes)
        } else {
            blank(1)
        }
    }

    private mutating func blockComment() {
        var depth = 0
        repeat {
            if follows("/*") {
                depth += 1
                blank(2)
            } else if follows("*/") {
                depth -= 1
                blank(2)
            } else {
                blank(1)
            }
        } while depth > 0 && position < text.count
    }

    /// The number of `#` before a quote that starts here, or nil where no literal starts.
    private func hashesBeforeQuote() -> Int? {
        var hashes = 0
        while follows("#", after: hashes) { hashes += 1 }
        return follows("\"", after: hashes) ? hashes : nil
    }

    private func follows(_ token: String, after distance: Int = 0) -> Bool {
        var index = position + distance
        for byte in token.utf8 {
            guard index < text.count, text[index] == byte else { return false }
            index += 1
        }
        return true
    }

    private mutating func blank(while condition: (Blanking) -> Bool) {
        while position < text.count, condition(self) { blank(1) }
    }

    private mutating func blank(_ length: Int) {
        for _ in 0..<length where position < text.count {
            output.append(text[position] == UInt8(ascii: "\n") ? text[position] : UInt8(ascii: " "))
            position += 1
        }
    }
}
