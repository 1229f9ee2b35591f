/// Words that stand in no file of ours, each with what to write instead.
enum BannedTokens {
    struct Rule {
        let token: String
        let scope: Scope
        let instead: String
        /// Comments and literals are searched too.
        var everywhere = false
    }

    static let rules: [Rule] = [
        Rule(token: "try!", scope: .sources, instead: "handle the error or throw it on"),
        Rule(
            token: "as!", scope: .sources,
            instead: "use a type that says it, or `as?` with an answer for nil"),
        Rule(
            token: "fatalError(", scope: .sources,
            instead: "the impossible is a preconditionFailure with the state"),
        Rule(token: "print(", scope: .silentSources, instead: "log through Telemetry; only commands print"),
        Rule(
            token: "import Foundation", scope: .sources,
            instead: "use Glibc: Foundation is 60 MB in the binary"),
        Rule(token: "Task {", scope: .sources, instead: "work belongs to a loop and its mailbox"),
        Rule(token: "Task.detached", scope: .sources, instead: "work belongs to a loop and its mailbox"),
        Rule(token: "DispatchQueue", scope: .sources, instead: "work belongs to a loop and its mailbox"),
        Rule(token: "import Dispatch", scope: .sources, instead: "work belongs to a loop and its mailbox"),
        Rule(token: "usleep(", scope: .tests, instead: "wait for the thing itself, with a deadline"),
        Rule(token: "sleep(", scope: .tests, instead: "wait for the thing itself, with a deadline"),
        Rule(token: "nanosleep(", scope: .tests, instead: "wait for the thing itself, with a deadline"),
        Rule(
            token: "TODO", scope: .everything, instead: "do it, or open an issue and delete this",
            everywhere: true),
        Rule(
            token: "FIXME", scope: .everything, instead: "fix it, or open an issue and delete this",
            everywhere: true),
        Rule(token: "/home/", scope: .everything, instead: "no path of one machine", everywhere: true),
        Rule(token: "/root/", scope: .everything, instead: "no path of one machine", everywhere: true),
        Rule(token: "/Users/", scope: .everything, instead: "no path of one machine", everywhere: true),
    ]

    static func check(_ file: SourceFile) -> [Finding] {
        rules.filter { $0.scope.holds(file) }.flatMap { rule in
            let lines = rule.everywhere ? file.lines(with: rule.token) : file.linesOfCode(with: rule.token)
            return lines.map { line in
                Finding(
                    path: file.path, line: line, message: "`\(rule.token)` is not used here: \(rule.instead)")
            }
        }
    }

    /// `value!` outside of tests: a name or a closing bracket with the mark right behind it.
    static func forcedUnwraps(_ file: SourceFile) -> [Finding] {
        guard Scope.sources.holds(file) else { return [] }
        return file.linesOfCode(with: "!").map { $0 - 1 }.compactMap { index in
            guard hasForcedUnwrap(Array(file.code[index].utf8)) else { return nil }
            let message = "a forced unwrap: bind the value with `guard let` and say what happens without it"
            return Finding(path: file.path, line: index + 1, message: message)
        }
    }

    private static func hasForcedUnwrap(_ line: [UInt8]) -> Bool {
        line.indices.dropFirst().contains { index in
            guard line[index] == UInt8(ascii: "!") else { return false }
            let before = line[index - 1]
            guard before.isWordByte || before == UInt8(ascii: ")") || before == UInt8(ascii: "]") else {
                return false
            }
            return index + 1 == line.count || line[index + 1] != UInt8(ascii: "=")
        }
    }

    enum Scope {
        case sources
        /// Sources but for the commands and the demo, which talk to a person.
        case silentSources
        case tests
        /// All but these checks, which must name what they look for.
        case everything

        func holds(_ file: SourceFile) -> Bool {
            let isSource = file.path.hasPrefix("Sources/")
            return switch self {
            case .sources: isSource
            case .silentSources: isSource && file.module != "floodgate" && file.module != "Demo"
            case .tests: file.path.hasPrefix("Tests/")
            case .everything: !file.path.hasPrefix("Tests/TidyTests/")
            }
        }
    }
}
