import Testing

/// What a tool can hold, a tool holds: the rules of the house, checked against every file in the tree.
@Suite struct TidyTests {
    private func expectNone(_ findings: [Finding]) {
        for finding in findings { Issue.record("\(finding)") }
    }

    @Test func `the tree was found`() {
        #expect(Repository.swiftFiles.contains { $0.path == "Sources/Bytes/ByteView.swift" })
        #expect(Repository.swiftFiles.contains { $0.path == "Package.swift" })
    }

    @Test func `files lines and functions are short enough to read`() {
        expectNone(Repository.swiftFiles.flatMap(LengthChecks.files))
        expectNone(Repository.swiftFiles.flatMap(LengthChecks.lines))
        expectNone(Repository.swiftFiles.flatMap(LengthChecks.functions))
    }

    @Test func `no file holds a banned word`() {
        expectNone(Repository.swiftFiles.flatMap(BannedTokens.check))
    }

    @Test func `nothing is unwrapped by force outside of tests`() {
        expectNone(Repository.swiftFiles.flatMap(BannedTokens.forcedUnwraps))
    }

    @Test func `modules import only what stands before them`() throws {
        expectNone(Repository.swiftFiles.flatMap(ImportDirection.imports))
        expectNone(ImportDirection.manifest(try #require(Repository.text(of: "Package.swift"))))
    }

    @Test func `unsafe code stands in the listed files and says why it is sound`() {
        expectNone(Repository.swiftFiles.flatMap(UnsafeCode.check))
    }

    @Test func `every filter has its folder of tests`() {
        expectNone(
            HouseShape.filterFolders(
                sources: Repository.folders(in: "Sources/Pipeline/Filters"),
                tests: Repository.folders(in: "Tests/PipelineTests/Filters")))
    }

    @Test(.enabled(if: Repository.text(of: "Sources/Pipeline/Stage.swift") != nil))
    func `the table of stages in the README is the enum`() {
        expectNone(
            HouseShape.stageTable(
                stageSource: Repository.text(of: "Sources/Pipeline/Stage.swift") ?? "",
                readme: Repository.text(of: "README.md") ?? ""))
    }

    @Test(.enabled(if: Repository.tracked(includingNew: false) != nil, "needs a git clone"))
    func `only known entries stand at the top and nothing private is tracked`() throws {
        expectNone(HouseShape.topLevelEntries(try #require(Repository.tracked(includingNew: true))))
        expectNone(HouseShape.neverTracked(try #require(Repository.tracked(includingNew: false))))
    }
}
