/// One step from the root of a file to a value.
package enum SettingStep: Hashable, Sendable {
    case key(String)
    case index(Int)
}

extension [SettingStep] {
    /// `routes[2].limits[0]`.
    package var text: String {
        reduce(into: "") { text, step in
            switch step {
            case .key(let key): text += text.isEmpty ? key : "." + key
            case .index(let index): text += "[\(index)]"
            }
        }
    }
}

/// Why a text is no value of its kind.
package struct Refusal: Error, Equatable, Sendable {
    /// Nil where the expectation says it all. Never holds the text itself.
    package var reason: String?
    /// What was probably meant, as the file would write it.
    package var suggestion: String?

    package init(_ reason: String? = nil, suggestion: String? = nil) {
        self.reason = reason
        self.suggestion = suggestion
    }
}

/// Walks a document, keeps what it finds wrong, and remembers where every value stands.
package struct Reader: Sendable {
    /// From the root to what is being read.
    package private(set) var path: [SettingStep] = []
    private var marks: [[SettingStep]: Mark] = [:]
    private var findings: [Finding] = []
    /// Where errors were found, by the first two steps: an entry of a list or map.
    private var unsound: Set<[SettingStep]> = []
    private var source: SourceText
    private var secretDepth = 0
    private let environment: [String: String]

    /// A diagnostic before its line is known to hold no secret.
    private struct Finding: Hashable {
        var severity: Diagnostic.Severity
        var mark: Mark
        var message: String
        var suggestion: String?
    }

    init(source: SourceText, environment: [String: String]) {
        self.source = source
        self.environment = environment
    }

    // MARK: - Places

    /// Reads one level deeper; `mark` becomes the place of that level's value.
    package mutating func within<Result>(
        _ step: SettingStep, at mark: Mark, _ body: (inout Reader) -> Result
    ) -> Result {
        path.append(step)
        marks[path] = mark
        defer { path.removeLast() }
        return body(&self)
    }

    /// The place of a value that was read, or of the nearest thing around it.
    package func mark(of path: [SettingStep]) -> Mark {
        var path = path
        while true {
            if let mark = marks[path] { return mark }
            guard path.popLast() != nil else { return Mark(line: 1, column: 1) }
        }
    }

    // MARK: - Findings

    package mutating func report(
        _ severity: Diagnostic.Severity = .error, at mark: Mark, _ message: String, suggestion: String? = nil
    ) {
        findings.append(Finding(severity: severity, mark: mark, message: message, suggestion: suggestion))
        if severity == .error { unsound.insert(Array(path.prefix(2))) }
    }

    /// Whether anything is an error so far.
    package var hasErrors: Bool { !unsound.isEmpty }

    /// Whether an entry of a list or map was read whole, so that what it says can be compared with others.
    package func isSound(_ key: String, _ index: Int) -> Bool {
        !unsound.contains([.key(key), .index(index)])
    }

    package func isSound(_ key: String, _ name: String) -> Bool {
        !unsound.contains([.key(key), .key(name)])
    }

    /// All that was found in the order of the file. The same finding of a part that aliases repeat appears
    /// once.
    func diagnostics(file: String) -> [Diagnostic] {
        var seen: Set<Finding> = []
        return findings.filter { seen.insert($0).inserted }
            .enumerated()
            .sorted { ($0.element.mark, $0.offset) < ($1.element.mark, $1.offset) }
            .map { _, finding in
                Diagnostic(
                    severity: finding.severity, file: file, mark: finding.mark, message: finding.message,
                    suggestion: finding.suggestion, excerpt: source.excerpt(line: finding.mark.line))
            }
    }

    // MARK: - Secrets

    /// What `body` reads never appears in a message, nor its text in an excerpt.
    package mutating func readingSecret<Result>(_ node: DocumentNode, _ body: (inout Reader) -> Result)
        -> Result
    {
        hide(node)
        secretDepth += 1
        defer { secretDepth -= 1 }
        return body(&self)
    }

    private mutating func hide(_ node: DocumentNode) {
        switch node.content {
        case .scalar(let scalar):
            // One more than counted: the sign of a block scalar stands on a line of its own.
            let breaks = scalar.text.count { $0.isNewline }
            source.hide(node.mark, lineBreaks: breaks == 0 ? 0 : breaks + 1)
        case .list(let nodes): nodes.forEach { hide($0) }
        case .map(let entries): entries.forEach { hide($0.value) }
        }
    }

    // MARK: - Scalars

    /// The text of a scalar, variables replaced; nil, and reported, where it cannot be had.
    package mutating func expand(_ scalar: DocumentNode.Scalar, at mark: Mark) -> String? {
        expansion(of: scalar, at: mark)?.text
    }

    private mutating func expansion(of scalar: DocumentNode.Scalar, at mark: Mark) -> Interpolation.Result? {
        guard scalar.text.contains("$") else { return .init(text: scalar.text, isFromEnvironment: false) }
        do {
            return try Interpolation.expand(scalar.text, environment: environment)
        } catch {
            switch error {
            case .missing(let name):
                report(
                    at: mark,
                    "\(path.text): the environment has no variable \(name); "
                        + "set it, or give a default: ${\(name):-…}"
                )
            case .malformed:
                report(
                    at: mark,
                    "\(path.text): a reference is ${NAME} or ${NAME:-default}; "
                        + "write $${ for the signs themselves"
                )
            }
            return nil
        }
    }

    /// Reads a scalar by `parse`; nil, and reported, where it is no such thing.
    package mutating func scalar<Value>(
        _ node: DocumentNode, expected words: String, parse: (String) throws(Refusal) -> Value
    ) -> Value? {
        guard case .scalar(let scalar) = node.content else {
            report(at: node.mark, "\(path.text): expected \(words), found \(node.kindWords)")
            return nil
        }
        if node.isNull {
            report(at: node.mark, "\(path.text): expected \(words), found nothing")
            return nil
        }
        guard let expansion = expansion(of: scalar, at: node.mark) else { return nil }
        do {
            return try parse(expansion.text)
        } catch {
            let isOpen = secretDepth == 0 && !expansion.isFromEnvironment
            let shown =
                isOpen
                ? expansion.text.quoted : secretDepth > 0 ? "a secret" : "the value of \(scalar.text.quoted)"
            let message =
                error.reason.map { "\(shown): \($0)" } ?? "expected \(words), found \(shown)"
            report(at: node.mark, "\(path.text): \(message)", suggestion: isOpen ? error.suggestion : nil)
            return nil
        }
    }
}
