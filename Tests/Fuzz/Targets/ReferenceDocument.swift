/// A GraphQL document by the grammar of the specification (October 2021, §2 and appendix B), read whole by
/// recursive descent, and the root fields that its operations have executed (§6.3.2). Written apart from the
/// gateway's scanner, which only finds root fields, to hold it to this.
struct ReferenceDocument {
    struct Field: Hashable {
        let key: String
        let name: String
    }

    private struct Fault: Error {}

    private enum Selection {
        case field(Field)
        case spread(String)
        case inline([Selection])
    }

    private var tokens: [String] = []
    private var index = 0
    private var depth = 0
    private var operations: [[Selection]] = []
    private var fragments: [String: [Selection]] = [:]

    /// Root fields of all operations together; nil for bytes that are no document, or that a validating
    /// server refuses for a fragment that is missing or there twice.
    static func fields(of bytes: [UInt8]) -> Set<Field>? {
        guard let text = String(validating: bytes, as: UTF8.self) else { return nil }
        var document = ReferenceDocument()
        do {
            document.tokens = try Self.tokens(Array(text.unicodeScalars))
            while document.index < document.tokens.count { try document.definition() }
            guard !document.operations.isEmpty else { return nil }
            var fields: Set<Field> = []
            var visited: Set<String> = []
            for operation in document.operations { try document.collect(operation, &fields, &visited) }
            return fields
        } catch {
            return nil
        }
    }

    private func collect(
        _ selections: [Selection], _ fields: inout Set<Field>, _ visited: inout Set<String>
    ) throws {
        for selection in selections {
            switch selection {
            case .field(let field): fields.insert(field)
            case .inline(let inner): try collect(inner, &fields, &visited)
            case .spread(let name):
                guard let fragment = fragments[name] else { throw Fault() }
                if visited.insert(name).inserted { try collect(fragment, &fields, &visited) }
            }
        }
    }
}

// MARK: - Grammar

extension ReferenceDocument {
    private var next: String { index < tokens.count ? tokens[index] : "" }

    private mutating func take(_ token: String) -> Bool {
        guard next == token else { return false }
        index += 1
        return true
    }

    private mutating func expect(_ token: String) throws {
        guard take(token) else { throw Fault() }
    }

    private mutating func name() throws -> String {
        guard let first = next.unicodeScalars.first, Self.isNameStart(first) else { throw Fault() }
        defer { index += 1 }
        return next
    }

    private mutating func nest<R>(_ body: (inout ReferenceDocument) throws -> R) throws -> R {
        guard depth < 60 else { throw Fault() }
        depth += 1
        defer { depth -= 1 }
        return try body(&self)
    }

    private mutating func definition() throws {
        if next == "{" { return operations.append(try selections()) }
        let word = try name()
        switch word {
        case "query", "mutation", "subscription":
            if next != "(", next != "@", next != "{" { _ = try name() }
            try variables()
            try directives()
            operations.append(try selections())
        case "fragment":
            let fragment = try name()
            guard fragment != "on" else { throw Fault() }
            try expect("on")
            _ = try name()
            try directives()
            guard fragments[fragment] == nil else { throw Fault() }
            fragments[fragment] = try selections()
        default: throw Fault()
        }
    }

    private mutating func selections() throws -> [Selection] {
        try nest { document throws in
            try document.expect("{")
            var selections: [Selection] = []
            repeat { selections.append(try document.selection()) } while !document.take("}")
            return selections
        }
    }

    private mutating func selection() throws -> Selection {
        if take("...") {
            if next != "on", next != "@", next != "{" {
                let fragment = try name()
                try directives()
                return .spread(fragment)
            }
            if take("on") { _ = try name() }
            try directives()
            return .inline(try selections())
        }
        let first = try name()
        let field = take(":") ? Field(key: first, name: try name()) : Field(key: first, name: first)
        try arguments()
        try directives()
        if next == "{" { _ = try selections() }
        return .field(field)
    }

    private mutating func directives() throws {
        while take("@") {
            _ = try name()
            try arguments()
        }
    }

    private mutating func arguments() throws {
        guard take("(") else { return }
        repeat {
            _ = try name()
            try expect(":")
            try value()
        } while !take(")")
    }

    private mutating func variables() throws {
        guard take("(") else { return }
        repeat {
            try expect("$")
            _ = try name()
            try expect(":")
            try type()
            if take("=") { try value() }
            try directives()
        } while !take(")")
    }

    private mutating func type() throws {
        try nest { document throws in
            if document.take("[") {
                try document.type()
                try document.expect("]")
            } else {
                _ = try document.name()
            }
            _ = document.take("!")
        }
    }

    private mutating func value() throws {
        try nest { document throws in
            if document.take("$") {
                _ = try document.name()
            } else if document.take("[") {
                while !document.take("]") { try document.value() }
            } else if document.take("{") {
                while !document.take("}") {
                    _ = try document.name()
                    try document.expect(":")
                    try document.value()
                }
            } else if let first = document.next.first, first == "\"" || first == "-" || first.isNumber {
                document.index += 1
            } else {
                _ = try document.name()
            }
        }
    }
}

// MARK: - Tokens

extension ReferenceDocument {
    private static func isNameStart(_ scalar: Unicode.Scalar) -> Bool {
        ("a"..."z").contains(scalar) || ("A"..."Z").contains(scalar) || scalar == "_"
    }

    private static func isDigit(_ scalar: Unicode.Scalar) -> Bool { ("0"..."9").contains(scalar) }

    private static func tokens(_ text: [Unicode.Scalar]) throws -> [String] {
        var tokens: [String] = []
        var rest = text[...]
        while let first = rest.first {
            switch first {
            case " ", "\t", "\n", "\r", ",", "\u{FEFF}": rest.removeFirst()
            case "#":
                let comment = rest.prefix { $0 != "\n" && $0 != "\r" }
                guard comment.allSatisfy({ isSource($0) && $0 != "\u{2028}" && $0 != "\u{2029}" }) else {
                    throw Fault()
                }
                rest = rest.dropFirst(comment.count)
            case "!", "$", "&", "(", ")", ":", "=", "@", "[", "]", "{", "|", "}":
                tokens.append(String(Character(first)))
                rest.removeFirst()
            case ".":
                guard rest.starts(with: [".", ".", "."]) else { throw Fault() }
                tokens.append("...")
                rest = rest.dropFirst(3)
            case "\"":
                rest = rest.dropFirst(try stringLength(rest))
                tokens.append("\"")
            case _ where isNameStart(first):
                let name = rest.prefix { isNameStart($0) || isDigit($0) }
                tokens.append(String(String.UnicodeScalarView(name)))
                rest = rest.dropFirst(name.count)
            default:
                rest = rest.dropFirst(try numberLength(rest))
                tokens.append("0")
            }
        }
        return tokens
    }

    private static func isSource(_ scalar: Unicode.Scalar) -> Bool { scalar == "\t" || scalar >= " " }

    private static func stringLength(_ text: ArraySlice<Unicode.Scalar>) throws -> Int {
        let all = Array(text)
        if all.starts(with: ["\"", "\"", "\""]) {
            var index = 3
            while index < all.count {
                let rest = all[index...]
                if rest.starts(with: ["\"", "\"", "\""]) { return index + 3 }
                guard isSource(all[index]) || all[index] == "\n" || all[index] == "\r" else { throw Fault() }
                index += rest.starts(with: ["\\", "\"", "\"", "\""]) ? 4 : 1
            }
            throw Fault()
        }
        var index = 1
        while index < all.count {
            if all[index] == "\"" { return index + 1 }
            guard isSource(all[index]) else { throw Fault() }
            if all[index] == "\\" {
                index += 1
                guard index < all.count, "\"\\/bfnrtu".unicodeScalars.contains(all[index]) else {
                    throw Fault()
                }
            }
            index += 1
        }
        throw Fault()
    }

    private static func numberLength(_ text: ArraySlice<Unicode.Scalar>) throws -> Int {
        let all = Array(text)
        var index = 0
        func digits() throws {
            let start = index
            while index < all.count, isDigit(all[index]) { index += 1 }
            guard index > start else { throw Fault() }
        }
        if all[index] == "-" { index += 1 }
        let whole = index
        try digits()
        guard all[whole] != "0" || index == whole + 1 else { throw Fault() }
        if index < all.count, all[index] == "." {
            index += 1
            try digits()
        }
        if index < all.count, all[index] == "e" || all[index] == "E" {
            index += 1
            if index < all.count, all[index] == "+" || all[index] == "-" { index += 1 }
            try digits()
        }
        guard index == all.count || !(isNameStart(all[index]) || all[index] == ".") else { throw Fault() }
        return index
    }
}
