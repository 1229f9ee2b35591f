import Control
import Foundation
import Proxy
import Settings
import Testing

/// What the README's prose refers to is there: files, headings, commands, settings.
@Suite struct ReadmeReferenceTests {
    let readme: String

    init() throws { readme = try contents(of: "README.md") }

    @Test func `every recipe is named, and every link leads somewhere`() throws {
        let links = readme.matches(of: /\]\(([^)#\s]+)\)/).map { String($0.1) }
            .filter { !$0.contains("://") }
        for link in links { #expect(exists(link), "\(link)") }
        let folder = packageFolder.appending(path: "Config").path
        let recipes = try FileManager.default.contentsOfDirectory(atPath: folder)
        for recipe in recipes { #expect(links.contains("Config/\(recipe)"), "\(recipe)") }
    }

    @Test func `every link inside the README leads to a heading`() {
        let headings = readme.matches(of: /(?m)^#{1,4} (.+)$/).map { heading in
            String(heading.1.lowercased().filter { $0.isLetter || $0.isNumber || " -_".contains($0) })
                .replacing(" ", with: "-")
        }
        let links = readme.matches(of: /\]\(#([^)]+)\)/).map { String($0.1) }
        #expect(links.count > 10)
        for link in links { #expect(headings.contains(link), "\(link)") }
    }

    @Test func `every path of the tree that is named exists`() {
        let paths = readme.matches(of: /`((?:Sources|Tests|Benchmarks|Config|Certs|\.ci)\/[\w\/.+-]+)`/)
            .map { String($0.1) }
        #expect(paths.count > 20)
        for path in paths { #expect(exists(path), "\(path)") }
    }

    @Test func `every make target that is named is in the Makefile`() throws {
        let makefile = try contents(of: "Makefile")
        let targets = Set(readme.matches(of: /(?m)(?:`|^)make ([a-z]+)/).map { String($0.1) })
        #expect(targets.count > 5)
        for target in targets { #expect(makefile.contains("\n\(target):"), "make \(target)") }
    }

    @Test func `every setting that is named with its section is one`() {
        let section = GatewaySettings.section.description
        let tops = Set(section.fields.map(\.name))
        let named = readme.matches(of: /`([a-z_]+(?:\.[a-z_]+)+)`/).map { String($0.1) }
            .filter { name in tops.contains(String(name.prefix { $0 != "." })) }
        #expect(named.count > 20)
        for name in named { #expect(section.holds(name.split(separator: ".")[...]), "\(name)") }
    }

    @Test func `the changes begin with the version that this is`() throws {
        let changes = try #require(readme.range(of: "\n## Changes\n\n")).upperBound
        #expect(readme[changes...].hasPrefix("### \(Gateway.version)\n"))
    }

    @Test func `the place for the measurements is marked`() throws {
        let begin = try #require(readme.range(of: "\n<!-- bench -->\n"))
        let end = try #require(readme.range(of: "\n<!-- /bench -->\n"))
        #expect(begin.upperBound < end.lowerBound)
    }

    private func exists(_ path: String) -> Bool {
        FileManager.default.fileExists(atPath: packageFolder.appending(path: path).path)
    }
}

extension SectionDescription {
    /// Whether keys one inside the other lead to a field.
    fileprivate func holds(_ keys: ArraySlice<Substring>) -> Bool {
        guard let key = keys.first, let field = fields.first(where: { $0.name == key }) else { return false }
        guard keys.count > 1 else { return true }
        switch field.shape {
        case .value: return false
        case .section(let inner), .optionalSection(let inner), .sections(let inner), .named(let inner):
            return inner.holds(keys.dropFirst())
        }
    }
}
