/// Files, lines and functions stay short enough to be read in one go.
enum LengthChecks {
    static let fileLimit = 450
    static let lineLimit = 110
    static let functionLimit = 70

    /// Functions that may be longer, by `path:name`, each with its reason.
    static let longFunctions: [String: String] = [:]

    static func files(_ file: SourceFile) -> [Finding] {
        let count = file.lines.last == "" ? file.lines.count - 1 : file.lines.count
        guard count > fileLimit else { return [] }
        let message =
            "\(count) lines, about 400 are enough and \(fileLimit) the end: split it by what it does"
        return [Finding(path: file.path, line: count, message: message)]
    }

    /// A line with a link may be as long as the link makes it.
    static func lines(_ file: SourceFile) -> [Finding] {
        file.lines.indices.compactMap { index in
            let width = file.lines[index].count
            guard width > lineLimit, !file.lines[index].contains("://") else { return nil }
            let message =
                "\(width) columns, \(lineLimit) is the limit: break the line (`make format` does it for code)"
            return Finding(path: file.path, line: index + 1, message: message)
        }
    }

    static func functions(_ file: SourceFile) -> [Finding] {
        FunctionScanner.functions(in: file).compactMap { function in
            guard function.length > functionLimit else { return nil }
            guard longFunctions["\(file.path):\(function.name)"] == nil else { return nil }
            let message =
                "\(function.name) is \(function.length) lines, "
                + "about 60 are enough and \(functionLimit) the end: take steps out of it, "
                + "or add it to LengthChecks.longFunctions with the reason"
            return Finding(path: file.path, line: function.line, message: message)
        }
    }
}

/// Finds functions by counting braces in blanked code.
struct FunctionScanner {
    struct Function {
        let name: String
        let line: Int
        /// Lines from the declaration to the closing brace, both counted.
        let length: Int
    }

    private struct Declaration {
        let name: String
        let line: Int
        let parentheses: Int
        var depth: Int
    }

    private static let keywords = ["func", "init", "deinit", "subscript"]

    private var declared: Declaration?
    private var open: [Declaration] = []
    private var depth = 0
    private var parentheses = 0
    private(set) var found: [Function] = []

    static func functions(in file: SourceFile) -> [Function] {
        var scanner = FunctionScanner()
        for (index, line) in file.code.enumerated() {
            scanner.scan(line, original: file.lines[index], number: index + 1)
        }
        return scanner.found
    }

    private mutating func scan(_ line: String, original: String, number: Int) {
        let bytes = Array(line.utf8)
        var index = 0
        while index < bytes.count {
            switch bytes[index] {
            case UInt8(ascii: "("), UInt8(ascii: "["): parentheses += 1
            case UInt8(ascii: ")"), UInt8(ascii: "]"): parentheses -= 1
            case UInt8(ascii: "{"): opened()
            case UInt8(ascii: "}"): closed(number)
            case let byte where byte.isWordByte:
                let end = bytes[index...].firstIndex { !$0.isWordByte } ?? bytes.count
                let word = String(decoding: bytes[index..<end], as: UTF8.self)
                let isMember = index > 0 && bytes[index - 1] == UInt8(ascii: ".")
                if Self.keywords.contains(word), !isMember {
                    let name = word == "func" ? Self.name(in: original) : word
                    declared = Declaration(name: name, line: number, parentheses: parentheses, depth: depth)
                }
                index = end - 1
            default: break
            }
            index += 1
        }
    }

    /// The name behind `func `, with its backticks where it has some.
    private static func name(in line: String) -> String {
        guard let start = line.range(of: "func ")?.upperBound else { return "func" }
        let rest = line[start...]
        if rest.first == "`" {
            return String(rest.prefix(through: rest.dropFirst().firstIndex(of: "`") ?? rest.startIndex))
        }
        return String(rest.prefix { $0 != "(" && $0 != "<" })
    }

    private mutating func opened() {
        if var declaration = declared, declaration.parentheses == parentheses, declaration.depth == depth {
            declaration.depth = depth
            open.append(declaration)
            declared = nil
        }
        depth += 1
    }

    private mutating func closed(_ number: Int) {
        depth -= 1
        // A requirement of a protocol has no body: it is forgotten where the protocol ends.
        if let declaration = declared, declaration.depth > depth { declared = nil }
        if let last = open.last, last.depth == depth {
            found.append(Function(name: last.name, line: last.line, length: number - last.line + 1))
            open.removeLast()
        }
    }
}
