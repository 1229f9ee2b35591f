import Foundation
import Proxy
import Testing

@testable import Settings

@Suite struct ReferenceTests {
    let reference = Reference(GatewaySettings.section.description)

    /// `FLOODGATE_WRITE_REFERENCE=1 swift test --filter ReferenceTests` writes the file anew.
    @Test func `Config/reference.yaml is what the declarations say`() throws {
        let path = "Config/reference.yaml"
        if ProcessInfo.processInfo.environment["FLOODGATE_WRITE_REFERENCE"] != nil {
            try reference.yaml.write(
                to: packageFolder.appending(path: path), atomically: true, encoding: .utf8)
        }
        #expect(try contents(of: path) == reference.yaml)
    }

    @Test func `the commented file is valid and means the defaults and the examples`() throws {
        let loaded = GatewaySettings.load(text: reference.yaml, file: "reference.yaml", environment: [:])
        #expect(loaded.diagnostics.text == "")
        let settings = try #require(loaded.settings)
        var expected = GatewaySettings()
        expected.limits = settings.limits
        expected.upstreams = settings.upstreams
        expected.routes = settings.routes
        #expect(settings == expected)
        #expect(settings.limits.map(\.name) == ["everyone"])
        #expect(settings.upstreams.map(\.name) == ["app"])
        #expect(settings.routes.map(\.path) == [.prefix("/api")])
    }

    @Test func `every example of every key is accepted by the key itself`() {
        var count = 0
        check(GatewaySettings.section.description, around: { $0 }, count: &count)
        #expect(count > 60)
    }

    private static let secrets = Dictionary(
        uniqueKeysWithValues: [
            "SUPABASE_JWT_SECRET", "PARTNER_SECRET", "PARTNER_SECRET_NEXT", "REDIS_PASSWORD",
            "SENTINEL_PASSWORD",
        ].map {
            ($0, String(repeating: "s", count: 48))
        })

    @Test func `every file in Config and every YAML block of the README is valid`() throws {
        let folder = packageFolder.appending(path: "Config")
        for name in try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
        where name.hasSuffix(".yaml") {
            let loaded = GatewaySettings.load(
                text: try contents(of: "Config/\(name)"), file: name,
                // A secret has no default.
                environment: Self.secrets)
            #expect(loaded.diagnostics.text == "", "Config/\(name)")
        }
        guard let readme = try? contents(of: "README.md") else { return }
        for block in Self.blocks(of: readme) {
            let loaded = GatewaySettings.load(text: block, file: "README.md", environment: Self.secrets)
            #expect(loaded.settings != nil, "\(loaded.diagnostics.text)\n\(block)")
        }
    }

    @Test func `the markdown has one row for each key and says what changes it`() {
        let markdown = reference.markdown
        #expect(markdown.contains("| `burst` | a whole number from 1 to 1000000000 |"))
        #expect(markdown.contains("### `upstreams.queue`"))
        #expect(markdown.contains("| `proxy_protocol` | off, v1, v2 or any | `off` | next connection |"))
        #expect(!markdown.contains("hunter2"))
    }

    @Test func `the schema is JSON and refuses unknown keys`() {
        #expect(JSONCheck.isJSON(reference.schema))
        #expect(reference.schema.contains("\"$schema\": \"https://json-schema.org/draft/2020-12/schema\""))
        #expect(reference.schema.contains("\"additionalProperties\": false"))
        #expect(reference.schema.contains("\"enum\": [\"helmet\", \"api\", \"web\", \"strict\", \"off\"]"))
    }

    /// Words of errors about what other keys would have to say.
    private static let elsewhere = [
        "is named", "strip_prefix", "asks for nothing", "nobody can be known", "no signature can be good",
        "keys, secret or public_key", "tls is for a url that begins with rediss",
        "for mode: sentinel", "nodes are for mode", "needs a url: the first", "needs sentinel_password",
        "nobody is on a plan", "nobody has a",
    ]

    /// Parses each field's example among the required ones of its section, and the sections inside likewise.
    private func check(_ section: SectionDescription, around: (String) -> String, count: inout Int) {
        for field in section.fields {
            let others = section.fields.filter { $0.presence != .optional && $0.name != field.name }
            // An answer of the gateway's own stands instead of an upstream, a text instead of JSON.
            let needed = others.filter { !(field.name == "respond" && $0.name == "upstream") }
            let pairs = (needed + [field]).map { "\"\($0.name)\": \($0.example)" }
            let text = around("{ " + pairs.joined(separator: ", ") + " }")
            let environment = Self.secrets.merging([
                "ADMIN_TOKEN": "0123456789abcdef", "SENTINEL_PASSWORD": "x",
            ]) { $1 }
            let found = GatewaySettings.load(text: text, file: "example", environment: environment)
                .diagnostics
            // What is missing beside an example is no fault of its own.
            let wrong = found.filter { found in
                found.severity == .error && !Self.elsewhere.contains(where: found.message.contains)
            }
            #expect(wrong.isEmpty, "\(field.name): \(wrong.text)")
            count += 1
            switch field.shape {
            case .value: continue
            case .section(let inner):
                check(inner, around: { body in around(Self.pairs(others, field.name, body)) }, count: &count)
            case .optionalSection(let inner):
                let rest = others.filter { field.name != "respond" || $0.name != "upstream" }
                check(inner, around: { body in around(Self.pairs(rest, field.name, body)) }, count: &count)
            case .sections(let inner):
                check(
                    inner, around: { body in around(Self.pairs(others, field.name, "[\(body)]")) },
                    count: &count)
            case .named(let inner):
                check(
                    inner, around: { body in around(Self.pairs(others, field.name, "{ x: \(body) }")) },
                    count: &count)
            }
        }
    }

    private static func pairs(_ others: [FieldDescription], _ name: String, _ body: String) -> String {
        "{ " + (others.map { "\($0.name): \($0.example)" } + ["\(name): \(body)"]).joined(separator: ", ")
            + " }"
    }

    private static func blocks(of markdown: String) -> [String] {
        var blocks: [String] = []
        var block: [Substring]?
        for line in markdown.split(separator: "\n", omittingEmptySubsequences: false) {
            if line.hasPrefix("```") {
                if let lines = block { blocks.append(lines.joined(separator: "\n")) }
                block = block == nil && line.hasPrefix("```yaml") ? [] : nil
            } else {
                block?.append(line)
            }
        }
        return blocks
    }
}
