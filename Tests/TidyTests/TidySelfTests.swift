import Testing

/// Each check is shown a bad sample, so that it is known to fail, and a good one, so that it is known to
/// pass.
@Suite struct TidySelfTests {
    private func source(_ text: String, path: String = "Sources/Proxy/Sample.swift") -> SourceFile {
        SourceFile(path: path, text: text)
    }

    @Test func `comments and literals are blanked and code in interpolations stays`() {
        let file = source(
            """
            let a = "try! \\(b.as! + f("x(y") + c)" // fatalError(
            /* one /* two */ TODO */ let d = #"print(\\#(e) "quoted" "#
            func `try! this`() { return 1 }
            """)
        #expect(!file.code.joined().contains("try!"))
        #expect(!file.code.joined().contains("fatalError"))
        #expect(!file.code.joined().contains("print"))
        #expect(!file.code.joined().contains("quoted"))
        #expect(file.code[0].contains("b.as! + f(") && file.code[0].contains("+ c"))
        #expect(file.code[1].contains("let d =") && file.code[1].contains("e"))
        #expect(file.code[2].contains("{ return 1 }"))
        #expect(file.code.count == file.lines.count)
    }

    @Test func `literals over several lines are blanked to their end`() {
        let file = source("let a = \"\"\"\n    try! \"one\" \\(b)\n    \"\"\"\nlet c = 1")
        #expect(!file.code.joined().contains("try!"))
        #expect(file.code[1].contains("b"))
        #expect(file.code[3] == "let c = 1")
    }

    @Test func `a file that is too long is found`() {
        let long = source(String(repeating: "//\n", count: LengthChecks.fileLimit + 1))
        #expect(LengthChecks.files(long).map(\.line) == [LengthChecks.fileLimit + 1])
        #expect(LengthChecks.files(source(String(repeating: "//\n", count: LengthChecks.fileLimit))).isEmpty)
    }

    @Test func `a line that is too long is found`() {
        let wide = String(repeating: "a", count: LengthChecks.lineLimit + 1)
        #expect(LengthChecks.lines(source("let a = 1\n" + wide)).map(\.line) == [2])
        #expect(LengthChecks.lines(source(String(wide.dropLast()))).isEmpty)
        #expect(LengthChecks.lines(source("// https://example.org/" + wide)).isEmpty)
    }

    @Test func `a function that is too long is found by its name and its line`() {
        func function(_ head: String, lines: Int) -> String {
            "struct A {\n    \(head) {\n" + String(repeating: "        a()\n", count: lines - 2)
                + "    }\n}\n"
        }
        let limit = LengthChecks.functionLimit
        for head in [
            "func long(a: () -> Int = { 1 })", "init()", "deinit",
            "func `a sentence that is long`() throws -> Int",
        ] {
            let findings = LengthChecks.functions(source(function(head, lines: limit + 1)))
            #expect(findings.map(\.line) == [2], "\(head)")
            #expect(LengthChecks.functions(source(function(head, lines: limit))).isEmpty, "\(head)")
        }
        let calls =
            "let a = B.init()\nprotocol P { func a() }\nstruct C {\n"
            + String(repeating: "let x = 1\n", count: 99) + "}"
        #expect(LengthChecks.functions(source(calls)).isEmpty)
    }

    @Test(arguments: [
        ("let a = try! b()", "Sources/Proxy/A.swift"),
        ("let a = b as! C", "Sources/Proxy/A.swift"),
        ("fatalError(\"no\")", "Sources/Proxy/A.swift"),
        ("print(a)", "Sources/Proxy/A.swift"),
        ("import Foundation", "Sources/Demo/A.swift"),
        ("Task { a() }", "Sources/Proxy/A.swift"),
        ("Task.detached { a() }", "Sources/Proxy/A.swift"),
        ("DispatchQueue.main.async {}", "Sources/Proxy/A.swift"),
        ("import Dispatch", "Sources/Proxy/A.swift"),
        ("usleep(1)", "Tests/A/A.swift"),
        ("sleep(1)", "Tests/A/A.swift"),
        ("nanosleep(&a, nil)", "Tests/A/A.swift"),
        ("Thread.sleep(forTimeInterval: 1)", "Tests/A/A.swift"),
        ("// TODO: later", "Tests/A/A.swift"),
        ("// FIXME later", "Sources/Proxy/A.swift"),
        ("let a = \"/home/me/x\"", "Sources/Proxy/A.swift"),
        ("let a = \"/root/x\"", "Tests/A/A.swift"),
        ("let a = \"/Users/me\"", "Package.swift"),
    ])
    func `a banned word is found`(text: String, path: String) {
        #expect(BannedTokens.check(source("let a = 1\n" + text, path: path)).map(\.line) == [2])
    }

    @Test(arguments: [
        ("footprint(a)", "Sources/Proxy/A.swift"),
        ("print(a)", "Sources/floodgate/A.swift"),
        ("print(a)", "Sources/Demo/A.swift"),
        ("let a = \"fatalError(\"", "Sources/Proxy/A.swift"),
        ("let a = try! b()", "Tests/A/A.swift"),
        ("let TODOs = 1", "Sources/Proxy/A.swift"),
    ])
    func `what only looks like a banned word passes`(text: String, path: String) {
        #expect(BannedTokens.check(source(text, path: path)).isEmpty)
    }

    @Test func `a forced unwrap is found and a negation is not`() {
        #expect(
            BannedTokens.forcedUnwraps(source("let a = b!\nlet c = d()!.e\nlet f: G! = h[0]!")).map(\.line)
                == [1, 2, 3])
        #expect(
            BannedTokens.forcedUnwraps(source("if !a, b != c, d() != e { !f }\nlet s = \"wow!\"")).isEmpty)
    }

    @Test(arguments: [
        ("import Reactor", "Sources/HTTP1/A.swift"),
        ("import Glibc", "Sources/Pipeline/A.swift"),
        ("package import Control", "Sources/Proxy/A.swift"),
        ("@testable import struct Proxy.Worker", "Sources/Upstream/A.swift"),
        ("import Bytes", "Sources/Unknown/A.swift"),
    ])
    func `an import against the direction is found`(text: String, path: String) {
        #expect(ImportDirection.imports(source(text, path: path)).count == 1)
    }

    @Test func `an import along the direction passes`() {
        let text = "import Bytes\npackage import HTTPModel\nimport Synchronization\n// import Reactor"
        #expect(ImportDirection.imports(source(text, path: "Sources/HTTP1/A.swift")).isEmpty)
        #expect(ImportDirection.imports(source("import Glibc", path: "Sources/Demo/A.swift")).isEmpty)
    }

    @Test func `a manifest that differs from the table is found`() throws {
        let manifest = try #require(Repository.text(of: "Package.swift"))
        let opened = manifest.replacing("module(\"HTTP1\", [", with: "module(\"HTTP1\", [\"Reactor\", ")
        #expect(opened != manifest)
        #expect(ImportDirection.manifest(opened).contains { $0.message.hasPrefix("HTTP1 depends on") })
        let gone = manifest.replacing("module(\"Demo\"", with: "module(\"Domo\"")
        #expect(ImportDirection.manifest(gone).contains { $0.message.hasPrefix("module Demo is in") })
        #expect(ImportDirection.manifest(gone).contains { $0.message.hasPrefix("Domo depends on") })
    }

    @Test func `unsafe code outside of the list or without its reason is found`() {
        let pointer = "func a(_ b: UnsafeRawPointer) {}"
        #expect(UnsafeCode.check(source(pointer, path: "Sources/HTTP1/A.swift")).map(\.line) == [1])
        #expect(UnsafeCode.check(source("let a = unsafe b", path: "Sources/HTTP1/A.swift")).count == 1)
        #expect(UnsafeCode.check(source(pointer, path: "Sources/Reactor/A.swift")).count == 1)
        #expect(
            UnsafeCode.check(source("// SAFETY: b lives on.\n" + pointer, path: "Sources/Reactor/A.swift"))
                .isEmpty)
        #expect(UnsafeCode.check(source("// not unsafe at all", path: "Sources/HTTP1/A.swift")).isEmpty)
    }

    @Test func `a filter without tests and tests without a filter are found`() {
        let findings = HouseShape.filterFolders(sources: ["CORS", "Cache"], tests: ["Cache", "Gone"])
        #expect(
            findings.map(\.path) == ["Sources/Pipeline/Filters/CORS", "Tests/PipelineTests/Filters/Gone"])
    }

    @Test func `a table of stages that differs from the enum is found`() {
        let stages = """
            package enum Stage: UInt8, CaseIterable {
                /// First of all.
                case clientAddress, requestID
                case cors = 7

                var next: Stage? {
                    switch self {
                    case .cors: nil
                    }
                }
            }
            """
        func readme(_ names: [String]) -> String {
            let rows = names.map { "| `\($0)` | what it does |" }.joined(separator: "\n")
            return "# Title\n<!-- stages -->\n| Stage | Does |\n|---|---|\n\(rows)\n<!-- /stages -->\n"
        }
        func findings(_ names: [String]) -> [Finding] {
            HouseShape.stageTable(stageSource: stages, readme: readme(names))
        }
        #expect(findings(["clientAddress", "requestID", "cors"]).isEmpty)
        #expect(findings(["clientAddress", "cors", "requestID"]).map(\.line) == [2])
        #expect(findings(["clientAddress", "requestID"]).count == 1)
        #expect(HouseShape.stageTable(stageSource: stages, readme: "no table").count == 1)
    }

    @Test func `strangers at the top and tracked secrets are found`() {
        #expect(
            HouseShape.topLevelEntries(["Sources/A.swift", "notes.txt", "tmp/a"]).map(\.path) == [
                "notes.txt", "tmp/a",
            ])
        let tracked = ["Package.resolved", ".build/a", "Certs/site.key", "Certs/site.pem", "Certs/README.md"]
        #expect(HouseShape.neverTracked(tracked).map(\.path) == Array(tracked.dropLast()))
    }
}
