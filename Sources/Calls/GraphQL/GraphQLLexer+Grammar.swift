/// Parts of the grammar that nobody looks into.
extension GraphQLLexer {
    /// Brackets inside each other: selections, arguments and values together.
    private static let deepest = 64

    mutating func expect(_ punctuator: Unicode.Scalar) throws(CallStop) {
        guard isAt(punctuator) else { throw .fault(.document) }
        try advance()
    }

    mutating func expectName() throws(CallStop) {
        guard token == .name else { throw .fault(.document) }
        try advance()
    }

    /// `@skip(if: $no) @b`. What a directive leaves out is counted: whether it does, the variables decide.
    mutating func skipDirectives() throws(CallStop) {
        while isAt("@") {
            try advance()
            try expectName()
            try skipArguments()
        }
    }

    mutating func skipArguments() throws(CallStop) {
        if isAt("(") { try skipBrackets() }
    }

    /// From an opening bracket, the current token, to behind the one that closes it. Which kind each level is
    /// of stands in two bits of a word, so that depth costs no stack.
    mutating func skipBrackets() throws(CallStop) {
        var kinds: UInt128 = 0
        var depth = 0
        repeat {
            if case .punctuator(let byte) = token {
                if let kind = Self.opened(byte) {
                    guard depth < Self.deepest else { throw .fault(.tooComplex) }
                    kinds = kinds &<< 2 | kind
                    depth &+= 1
                } else if let kind = Self.closed(byte) {
                    guard kinds & 3 == kind else { throw .fault(.document) }
                    kinds &>>= 2
                    depth &-= 1
                }
            }
            guard token != .end else { throw .fault(.document) }
            try advance()
        } while depth > 0
    }

    private static func opened(_ byte: UInt8) -> UInt128? {
        switch byte {
        case UInt8(ascii: "{"): 1
        case UInt8(ascii: "("): 2
        case UInt8(ascii: "["): 3
        default: nil
        }
    }

    private static func closed(_ byte: UInt8) -> UInt128? {
        switch byte {
        case UInt8(ascii: "}"): 1
        case UInt8(ascii: ")"): 2
        case UInt8(ascii: "]"): 3
        default: nil
        }
    }
}
