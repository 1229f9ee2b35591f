import Bytes

/// A piece of a GraphQL document.
enum GraphQLToken: Equatable {
    /// `! $ & ( ) : = @ [ ] { | }`, by its byte.
    case punctuator(UInt8)
    case spread, name, number, string
    case end
}

/// Reads the tokens of a GraphQL document (specification of October 2021, §2.1) without allocating. What the
/// grammar does not have is a fault, and so are line ends that only some servers take for such.
struct GraphQLLexer {
    let text: ByteView
    /// Offset behind the current token.
    private var position: Int
    /// The token read last.
    private(set) var token = GraphQLToken.end
    /// Offset of its first byte.
    private(set) var start: Int
    /// Tokens read so far.
    private(set) var count = 0

    init(_ text: ByteView, at start: Int = 0) {
        self.text = text
        self.start = start
        position = start
    }

    /// The bytes of the current token.
    var current: ByteView { text.slice(start, position) }

    /// Offset behind the current token.
    var end: Int { position }

    func isAt(_ punctuator: Unicode.Scalar) -> Bool { token == .punctuator(UInt8(ascii: punctuator)) }

    func isAt(word: StaticString) -> Bool { token == .name && current.equals(word) }

    /// Reads the next token.
    mutating func advance() throws(CallStop) {
        try skipIgnored()
        start = position
        count &+= 1
        guard position < text.count else {
            token = .end
            return
        }
        let byte = text[position]
        switch byte {
        case UInt8(ascii: "{"), UInt8(ascii: "}"), UInt8(ascii: "("), UInt8(ascii: ")"), UInt8(ascii: ":"),
            UInt8(ascii: "$"), UInt8(ascii: "@"), UInt8(ascii: "["), UInt8(ascii: "]"), UInt8(ascii: "!"),
            UInt8(ascii: "="), UInt8(ascii: "|"), UInt8(ascii: "&"):
            position &+= 1
            token = .punctuator(byte)
        case UInt8(ascii: "."):
            guard text.dropFirst(position).hasPrefix(ByteView("...")) else { throw .fault(.document) }
            position &+= 3
            token = .spread
        case UInt8(ascii: "\""):
            try string()
            token = .string
        case UInt8(ascii: "-"), 0x30...0x39:
            try number()
            token = .number
        default:
            guard Self.beginsName(byte) else { throw .fault(.document) }
            position &+= 1
            while position < text.count, Self.continuesName(text[position]) { position &+= 1 }
            token = .name
        }
    }

    static func beginsName(_ byte: UInt8) -> Bool { ASCII.isLetter(byte) || byte == UInt8(ascii: "_") }

    private static func continuesName(_ byte: UInt8) -> Bool { beginsName(byte) || ASCII.isDigit(byte) }

    /// Blanks, line ends, commas, byte order marks and comments.
    private mutating func skipIgnored() throws(CallStop) {
        while position < text.count {
            switch text[position] {
            case 0x20, 0x09, 0x0A, 0x0D, UInt8(ascii: ","): position &+= 1
            case UInt8(ascii: "#"): try skipComment()
            case 0xEF:
                guard isCharacter(0xBB, 0xBF) else { return }
                position &+= 3
            default: return
            }
        }
    }

    /// There are servers to which a comment ends at U+2028 and U+2029 as well, and what follows is read.
    private mutating func skipComment() throws(CallStop) {
        while position < text.count, text[position] != 0x0A, text[position] != 0x0D {
            guard !(text[position] == 0xE2 && (isCharacter(0x80, 0xA8) || isCharacter(0x80, 0xA9))) else {
                throw .fault(.document)
            }
            try character()
        }
    }

    /// Whether these two bytes follow the current one.
    private func isCharacter(_ second: UInt8, _ third: UInt8) -> Bool {
        position &+ 3 <= text.count && text[position &+ 1] == second && text[position &+ 2] == third
    }

    /// One character of a string or a comment.
    private mutating func character() throws(CallStop) {
        let byte = text[position]
        if byte < 0x80 {
            guard byte >= 0x20 || byte == 0x09 else { throw .fault(.document) }
            position &+= 1
        } else {
            guard let length = text.characterLength(at: position) else { throw .fault(.document) }
            position &+= length
        }
    }

    private mutating func string() throws(CallStop) {
        if isAtThreeQuotes { return try blockString() }
        position &+= 1
        while position < text.count {
            switch text[position] {
            case UInt8(ascii: "\""):
                position &+= 1
                return
            case UInt8(ascii: "\\"):
                position &+= 1
                guard position < text.count, Self.isEscape(text[position]) else { throw .fault(.document) }
                position &+= 1
            default: try character()
            }
        }
        throw .fault(.document)
    }

    private static func isEscape(_ byte: UInt8) -> Bool {
        ByteView("\"\\/bfnrtu").firstIndex(of: byte) != nil
    }

    private mutating func blockString() throws(CallStop) {
        position &+= 3
        while position < text.count {
            switch text[position] {
            case UInt8(ascii: "\"") where isAtThreeQuotes:
                position &+= 3
                return
            case UInt8(ascii: "\\"):
                position &+= 1
                if isAtThreeQuotes { position &+= 3 }
            case 0x0A, 0x0D: position &+= 1
            default: try character()
            }
        }
        throw .fault(.document)
    }

    private var isAtThreeQuotes: Bool {
        position &+ 3 <= text.count && text.slice(position, position &+ 3).equals("\"\"\"")
    }

    /// §2.9.1 and §2.9.2: no zero in front, digits on both sides of the point, and no name right behind.
    private mutating func number() throws(CallStop) {
        if has(UInt8(ascii: "-")) { position &+= 1 }
        if has(UInt8(ascii: "0")) { position &+= 1 } else { try digits() }
        if has(UInt8(ascii: ".")) {
            position &+= 1
            try digits()
        }
        if has(UInt8(ascii: "e")) || has(UInt8(ascii: "E")) {
            position &+= 1
            if has(UInt8(ascii: "+")) || has(UInt8(ascii: "-")) { position &+= 1 }
            try digits()
        }
        guard position < text.count else { return }
        guard !Self.continuesName(text[position]), text[position] != UInt8(ascii: ".") else {
            throw .fault(.document)
        }
    }

    private func has(_ byte: UInt8) -> Bool { position < text.count && text[position] == byte }

    private mutating func digits() throws(CallStop) {
        let start = position
        while position < text.count, ASCII.isDigit(text[position]) { position &+= 1 }
        guard position > start else { throw .fault(.document) }
    }
}
