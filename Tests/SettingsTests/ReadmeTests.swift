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
        let rows = Outcome.guide.map { "| `\($0.outcome.code)` | \($0.meaning) | \($0.cause) |\n" }
        try expect("outcomes", "| Code | What happened | Where to look |\n|---|---|---|\n" + rows.joined())
    }

    @Test func `the settings are what the declarations say`() throws {
        try expect("settings", Reference(GatewaySettings.section.description).markdown)
    }

    @Test func `each field of the access log's example line is explained`() throws {
        let readme = try contents(of: "README.md")
        let lines = readme.split(separator: "\n")
        let example = try #require(lines.first { $0.hasPrefix("{\"time\":") })
        let object = try JSONSerialization.jsonObject(with: Data(example.utf8))
        let keys = try #require(object as? [String: Any]).keys
        #expect(keys.count > 20)
        let table = try #require(Self.region("access-log", of: readme))
        for key in keys { #expect(readme[table].contains("`\(key)`"), "\(key)") }
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
