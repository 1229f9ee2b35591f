/// The shape of the tree: what stands at the top, what is never committed, and what must have its
/// counterpart.
enum HouseShape {
    static let topLevel: Set<String> = [
        ".ci", ".dockerignore", ".gitignore", ".swift-format", "Benchmarks", "Certs", "Config", "Dockerfile",
        "LICENSE",
        "Makefile", "Package.swift", "README.md", "Sources", "Tests",
    ]

    static func topLevelEntries(_ paths: [String]) -> [Finding] {
        let unknown = paths.filter { path in !topLevel.contains(String(path.prefix { $0 != "/" })) }
        return unknown.map { path in
            let message =
                "not a known entry of the tree: move it to where its kind lives, "
                + "or add it to HouseShape.topLevel"
            return Finding(path: path, line: 1, message: message)
        }
    }

    static func neverTracked(_ paths: [String]) -> [Finding] {
        let endings = [".pem", ".key", ".crt", ".p12", ".profraw"]
        let banned = paths.filter { path in
            path == "Package.resolved" || path.hasPrefix(".build/") || path.contains("/.build/")
                || endings.contains { path.hasSuffix($0) }
        }
        return banned.map { path in
            Finding(
                path: path, line: 1,
                message: "must not be tracked: git rm --cached it, and add it to .gitignore")
        }
    }

    /// Each filter's folder has a folder of tests, and the other way round.
    static func filterFolders(sources: [String], tests: [String]) -> [Finding] {
        let untested = sources.filter { !tests.contains($0) }.map { name in
            let message = "filter without tests: add Tests/PipelineTests/Filters/\(name)"
            return Finding(path: "Sources/Pipeline/Filters/\(name)", line: 1, message: message)
        }
        let orphaned = tests.filter { !sources.contains($0) }.map { name in
            let message = "tests of a filter that is gone: delete them, or name the folder as the filter's"
            return Finding(path: "Tests/PipelineTests/Filters/\(name)", line: 1, message: message)
        }
        return untested + orphaned
    }

    /// The README's table of stages names the cases of `Stage` in their order.
    static func stageTable(stageSource: String, readme: String) -> [Finding] {
        let stages = stageCases(SourceFile(path: "Sources/Pipeline/Stage.swift", text: stageSource))
        let lines = readme.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        guard let start = lines.firstIndex(of: "<!-- stages -->"),
            let end = lines.firstIndex(of: "<!-- /stages -->"),
            start < end
        else {
            let message =
                "put the table of stages between <!-- stages --> and <!-- /stages -->, each on its own line"
            return [Finding(path: "README.md", line: 1, message: message)]
        }
        let rows = lines[start...end].compactMap(firstCellName)
        guard rows != stages else { return [] }
        let message =
            "the stages are \(stages), the table has \(rows): make the table equal, in the same order"
        return [Finding(path: "README.md", line: start + 1, message: message)]
    }

    /// The cases of `enum Stage`, from its opening brace to its closing one.
    private static func stageCases(_ file: SourceFile) -> [String] {
        guard let start = file.linesOfCode(with: "enum Stage").first else { return [] }
        var depth = 0
        var names: [String] = []
        for line in file.code[(start - 1)...] {
            let words = line.split(separator: " ", maxSplits: 1).map(String.init)
            if depth == 1, words.first == "case", words.count == 2 {
                names += words[1].split(separator: ",").map { name in
                    String(name.drop { $0 == " " }.prefix { $0 != " " && $0 != "=" })
                }
            }
            depth += line.count { $0 == "{" } - line.count { $0 == "}" }
            if depth == 0, line.contains("}") { break }
        }
        return names
    }

    /// The name in backticks in the first cell of a table's row.
    private static func firstCellName(_ row: String) -> String? {
        guard row.hasPrefix("|"), let cell = row.dropFirst().split(separator: "|").first else { return nil }
        let parts = cell.split(separator: "`", omittingEmptySubsequences: false)
        return parts.count == 3 ? String(parts[1]) : nil
    }
}
