import Yams

/// One YAML file, parsed as far as YAML goes.
struct Document {
    /// Bounds on what a file may hold. Settings of thousands of routes stay far below them.
    enum Limit {
        /// Bytes of a file.
        static let bytes = 2 << 20
        /// Nodes, each counted as often as aliases repeat it.
        static let nodes = 200_000
        /// Maps and lists inside each other.
        static let depth = 32
        /// Duplicate keys reported in one file.
        static let duplicates = 16
    }

    /// Something that YAML itself, or a bound, refuses.
    struct Problem: Equatable {
        var mark: Mark
        var message: String
    }

    private(set) var root: DocumentNode?
    private(set) var problems: [Problem] = []

    private var visited = 0
    /// Where duplicate keys were renamed so that parsing could go on; see `compose`.
    private var renamed: Set<Mark> = []

    init(_ text: String) {
        guard text.utf8.count <= Limit.bytes else {
            problems = [Problem(mark: Mark(line: 1, column: 1), message: "the file is larger than 2 MiB")]
            return
        }
        guard !Self.hasNestedKeys(text) else {
            problems = [
                Problem(
                    mark: Mark(line: 1, column: 1),
                    message: "keys must be plain words, not aliases or collections")
            ]
            return
        }
        guard let node = compose(text) else { return }
        root = convert(node, depth: 0)
        if visited > Limit.nodes {
            root = nil
            problems = [
                Problem(
                    mark: Mark(line: 1, column: 1),
                    message: "aliases repeat the file's parts more than \(Limit.nodes) times")
            ]
        }
    }

    /// Yams stops at the first duplicate key and names its first place only. So the first one is given
    /// another name of the same length, which keeps every place, and the file is read again until no
    /// duplicate is left.
    private mutating func compose(_ text: String) -> Node? {
        var lines: [[Unicode.Scalar]]?
        var text = text
        for attempt in 0...UInt32(Limit.duplicates) {
            do {
                // The basic resolver leaves every scalar the text it is: `off` and `010` mean what the schema
                // says.
                return try Yams.compose(yaml: text, .basic, .default, .utf8)
            } catch YamlError.duplicatedKeysInMapping(let names, let context) {
                let mark = Mark(line: context.mark.line, column: context.mark.column)
                lines = lines ?? Self.lines(of: text)
                guard attempt < Limit.duplicates, rename(at: mark, number: attempt, in: &lines) else {
                    let name = names.first.map { " \($0.quoted)" } ?? ""
                    problems.append(Problem(mark: mark, message: "duplicate key\(name)"))
                    return nil
                }
                text = (lines ?? []).map { String(String.UnicodeScalarView($0)) }.joined(separator: "\n")
            } catch let error as YamlError {
                problems.append(Self.problem(from: error, text: text))
                return nil
            } catch {
                problems.append(
                    Problem(mark: Mark(line: 1, column: 1), message: "the file cannot be read as YAML"))
                return nil
            }
        }
        return nil
    }

    /// Puts a private-use scalar in place of the first letter of the key at `mark`.
    private mutating func rename(at mark: Mark, number: UInt32, in lines: inout [[Unicode.Scalar]]?) -> Bool {
        guard var all = lines, all.indices.contains(mark.line - 1) else { return false }
        var line = all[mark.line - 1]
        var column = mark.column - 1
        guard line.indices.contains(column) else { return false }
        if line[column] == "\"" || line[column] == "'" { column += 1 }
        // An anchor or tag before the key, an escape, or a key of no length: not worth the trouble.
        guard line.indices.contains(column),
            line[column].properties.isAlphabetic || line[column].properties.numericType != nil,
            let replacement = Unicode.Scalar(0xE000 + number), renamed.insert(mark).inserted
        else { return false }
        line[column] = replacement
        all[mark.line - 1] = line
        lines = all
        return true
    }

    private static func lines(of text: String) -> [[Unicode.Scalar]] {
        text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).map {
            Array($0.unicodeScalars)
        }
    }

    // MARK: - From Yams' nodes to ours

    private mutating func convert(_ node: Node, depth: Int) -> DocumentNode? {
        visited += 1
        guard visited <= Limit.nodes else { return nil }
        let mark = node.mark.map { Mark(line: $0.line, column: $0.column) } ?? Mark(line: 1, column: 1)
        guard depth < Limit.depth else {
            problems.append(Problem(mark: mark, message: "nested deeper than \(Limit.depth) levels"))
            return nil
        }
        switch node {
        case .scalar(let scalar):
            let isPlain = scalar.style == .plain || scalar.style == .any
            return DocumentNode(mark: mark, content: .scalar(.init(text: scalar.string, isPlain: isPlain)))
        case .sequence(let sequence):
            return DocumentNode(
                mark: mark, content: .list(sequence.compactMap { convert($0, depth: depth + 1) }))
        case .mapping(let mapping):
            return DocumentNode(mark: mark, content: .map(entries(of: mapping, depth: depth)))
        case .alias:
            // Yams replaces aliases by what they stand for while it reads.
            problems.append(Problem(mark: mark, message: "an alias that stands for nothing"))
            return nil
        }
    }

    private mutating func entries(of mapping: Node.Mapping, depth: Int) -> [DocumentNode.Entry] {
        var entries: [DocumentNode.Entry] = []
        var merged: [DocumentNode.Entry] = []
        var duplicates: [(suffix: Substring, mark: Mark)] = []
        for (keyNode, valueNode) in mapping {
            let mark = keyNode.mark.map { Mark(line: $0.line, column: $0.column) } ?? Mark(line: 1, column: 1)
            guard case .scalar(let key) = keyNode else {
                problems.append(Problem(mark: mark, message: "a key must be a word, not a list or map"))
                continue
            }
            if renamed.contains(mark) {
                duplicates.append((key.string.dropFirst(), mark))
                // Not used; but what is wrong inside is still said.
                _ = convert(valueNode, depth: depth + 1)
                continue
            }
            if key.string == "<<", key.style == .plain {
                merged += mergedEntries(of: valueNode, at: mark, depth: depth)
                continue
            }
            guard let value = convert(valueNode, depth: depth + 1) else { continue }
            entries.append(.init(key: key.string, keyMark: mark, value: value))
        }
        report(duplicates, in: entries)
        // What is written beside `<<` wins, and of several merged maps the first (YAML 1.1 merge key).
        var seen = Set(entries.map(\.key))
        for entry in merged where seen.insert(entry.key).inserted { entries.append(entry) }
        return entries
    }

    private mutating func mergedEntries(of node: Node, at mark: Mark, depth: Int) -> [DocumentNode.Entry] {
        guard depth < Limit.depth else { return [] }
        switch node {
        case .mapping(let mapping):
            visited += 1
            guard visited <= Limit.nodes else { return [] }
            return entries(of: mapping, depth: depth + 1)
        case .sequence(let sequence) where !sequence.contains(where: { $0.mapping == nil }):
            return sequence.flatMap { mergedEntries(of: $0, at: mark, depth: depth + 1) }
        case .sequence, .scalar, .alias:
            problems.append(Problem(mark: mark, message: "<< takes an alias of a map, or a list of them"))
            return []
        }
    }

    /// Each duplicate is reported at the later place and names the earlier one.
    private mutating func report(
        _ duplicates: [(suffix: Substring, mark: Mark)], in entries: [DocumentNode.Entry]
    ) {
        for (index, duplicate) in duplicates.enumerated() {
            let next = duplicates[(index + 1)...].first { $0.suffix == duplicate.suffix }?.mark
            let kept = entries.first { $0.key.dropFirst() == duplicate.suffix && duplicate.mark < $0.keyMark }
            let name = kept?.key ?? entries.first { $0.key.dropFirst() == duplicate.suffix }?.key
            let later = next ?? kept?.keyMark ?? duplicate.mark
            let key = name.map { " \($0.quoted)" } ?? ""
            let earlier = later == duplicate.mark ? "" : " (first on line \(duplicate.mark.line))"
            problems.append(Problem(mark: later, message: "duplicate key\(key)\(earlier)"))
        }
    }
}
