import Foundation
import Pipeline
import Proxy
import Settings
import Telemetry
import Testing

/// What the README says in tables is what the code says.
///
/// `FLOODGATE_WRITE_REFERENCE=1 swift test --filter ReadmeTests` writes the tables anew.
@Suite(.serialized) struct ReadmeTests {
    @Test func `the stages are those of Stage`() throws {
        let rows = Stage.allCases.map { "| `\($0)` | \($0.summary) |\n" }
        try expect("stages", "| Stage | What it does |\n|---|---|\n" + rows.joined())
    }

    @Test func `the outcome codes are those of the guide`() throws {
        let rows = Outcome.guide.map { line in
            "| `\(line.outcome.code)` | \(line.meaning) | \(line.cause) | \(line.look) |\n"
        }
        let head = "| Code | What happened | Likely cause | Look here |\n|---|---|---|---|\n"
        try expect("outcomes", head + rows.joined())
    }

    @Test func `the settings are what the declarations say`() throws {
        try expect("settings", Reference(GatewaySettings.section.description).markdown)
    }

    @Test func `the metrics are those of the admin listener's page`() throws {
        let page = MetricsPage.text()
        let rows = MetricsPage.families(of: page).map {
            "| `\($0.name)\($0.labels)` | \($0.kind) | \($0.help) |\n"
        }
        try expect("metrics", "| Metric | Kind | Tells |\n|---|---|---|\n" + rows.joined())
    }

    @Test func `no family of the sources is missing on the page`() throws {
        let names = try [
            "Telemetry/PrometheusFamilies.swift", "Control/Admin/AdminRoutes.swift",
            "Control/Admin/ServiceMetrics.swift",
        ].flatMap {
            try contents(of: "Sources/\($0)").matches(of: /family\(\s*"(\w+)"/).map { String($0.1) }
        }
        #expect(names.count > 20)
        #expect(Set(names) == Set(MetricsPage.families(of: MetricsPage.text()).map(\.name)))
    }

    @Test func `the commands are those of the Makefile`() throws {
        let lines = try contents(of: "Makefile").matches(of: /\n([a-z]+):.*## (.+)/)
        #expect(lines.count > 8)
        let rows = lines.map { "| `make \($0.1)` | \($0.2) |\n" }
        try expect("commands", "| Command | What it does |\n|---|---|\n" + rows.joined())
    }

    @Test func `the fields of the access log are those that its encoder writes`() throws {
        let readme = try contents(of: "README.md")
        let table = readme[try #require(Self.region("access-log", of: readme))]
        let rows = table.split(separator: "\n").compactMap { $0.split(separator: "|").first }
        let named = rows.flatMap { $0.matches(of: /`(\w+)`/).map { String($0.1) } }
        #expect(named.count == Set(named).count)
        let written = try Self.keys(of: FullRecord.line())
        #expect(Set(named) == written)

        let example = readme.split(separator: "\n").first { $0.hasPrefix("{\"time\":") }
        let shown = try Self.keys(of: String(try #require(example)))
        #expect(shown.count > 20 && shown.isSubset(of: written))
    }

    private static func keys(of line: String) throws -> Set<String> {
        let object = try JSONSerialization.jsonObject(with: Data(line.utf8))
        return Set(try #require(object as? [String: Any]).keys)
    }

    private func expect(_ name: String, _ text: String) throws {
        var readme = try contents(of: "README.md")
        let region = try #require(Self.region(name, of: readme), "no <!-- \(name) --> in README.md")
        let wanted = "\n" + text.trimmingCharacters(in: .newlines) + "\n\n"
        if ProcessInfo.processInfo.environment["FLOODGATE_WRITE_REFERENCE"] != nil, readme[region] != wanted {
            readme.replaceSubrange(region, with: wanted)
            try readme.write(
                to: packageFolder.appending(path: "README.md"), atomically: true, encoding: .utf8)
            return
        }
        #expect(readme[region] == wanted)
    }

    /// What stands between `<!-- name -->` and `<!-- /name -->`, each on a line of its own.
    private static func region(_ name: String, of readme: String) -> Range<String.Index>? {
        guard let start = readme.range(of: "\n<!-- \(name) -->\n")?.upperBound,
            let end = readme.range(of: "<!-- /\(name) -->\n", range: start..<readme.endIndex)?.lowerBound
        else { return nil }
        return start..<end
    }
}
