extension Document {
    /// An alias without an anchor is nearly always a text that should have been quoted.
    static let noAnchor =
        "no part of the file is named by this alias; put a text that begins with * in quotes"

    /// What libyaml says, in the words of somebody who edits settings.
    static func problem(from error: YAMLError, text: String) -> Problem {
        switch error.kind {
        case .syntax(let problem):
            return Problem(mark: error.mark, message: words(for: problem, at: error.mark, text: text))
        case .character(let value):
            let code = value.map { " (U+\(String($0, radix: 16, uppercase: true)))" } ?? ""
            return Problem(mark: error.mark, message: "a character that YAML does not allow\(code)")
        case .depth: return Problem(mark: error.mark, message: "nested deeper than \(Limit.depth) levels")
        case .memory: return Problem(mark: error.mark, message: "no memory to read the file")
        }
    }

    /// Hints for what people trip over: tabs, and texts that YAML takes for its own signs.
    private static func words(for problem: String, at mark: Mark, text: String) -> String {
        let source = SourceText(text, secretKeys: [])
        let line = source.line(mark.line)
        if source.scalar(at: mark) == "\t" { return "a tab cannot indent; use spaces" }
        if problem == "did not find expected alphabetic or numeric character", line.contains("*") {
            return noAnchor
        }
        if line.contains("${"), line.contains("{ ") || line.contains("[") || line.contains(": {") {
            return "not valid YAML: \(problem); inside { } and [ ] put \"${…}\" in quotes"
        }
        if line.contains("]:") {
            return "not valid YAML: \(problem); put an IPv6 address in quotes: \"[::1]:8080\""
        }
        return "not valid YAML: \(problem)"
    }
}
