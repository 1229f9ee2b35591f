/// `${NAME}`, `${NAME:-default}` and `$${` inside one scalar.
enum Interpolation {
    enum Failure: Error, Equatable {
        case missing(name: String)
        case malformed
    }

    struct Result: Equatable {
        var text: String
        /// Whether anything came from the environment: then the text is not shown in messages.
        var isFromEnvironment: Bool
    }

    /// An empty variable is a value for `${NAME}` and nothing for `${NAME:-default}`, as in a shell.
    static func expand(_ text: String, environment: [String: String]) throws(Failure) -> Result {
        var rest = text[...]
        var result = Result(text: "", isFromEnvironment: false)
        while let dollar = rest.firstIndex(of: "$") {
            result.text += rest[..<dollar]
            rest = rest[dollar...]
            if rest.hasPrefix("$${") {
                result.text += "${"
                rest = rest.dropFirst(3)
            } else if rest.hasPrefix("${") {
                guard let end = rest.firstIndex(of: "}") else { throw .malformed }
                result.text += try value(of: rest[..<end].dropFirst(2), environment)
                result.isFromEnvironment = true
                rest = rest[end...].dropFirst()
            } else {
                result.text += "$"
                rest = rest.dropFirst()
            }
        }
        result.text += rest
        return result
    }

    private static func value(
        of reference: Substring, _ environment: [String: String]
    ) throws(Failure) -> String {
        let name = reference.prefix { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }
        guard let first = name.first, !first.isNumber else { throw .malformed }
        let value = environment[String(name)]
        let tail = reference.dropFirst(name.count)
        if tail.isEmpty {
            guard let value else { throw .missing(name: String(name)) }
            return value
        }
        guard tail.hasPrefix(":-") else { throw .malformed }
        return value.flatMap { $0.isEmpty ? nil : $0 } ?? String(tail.dropFirst(2))
    }
}
