import Bytes
import Foundation
import Pipeline
import Testing
import Time

@testable import Control

@Suite struct KeysCommandTests {
    private let folder: TestFolder
    private var path: String { folder.file("keys.json") }
    private var command: KeysCommand { KeysCommand(.file(path), now: TestCredentials.now) }

    init() throws { folder = try TestFolder() }

    private func create(_ owner: String = "acme") throws -> APIKey {
        let result = command.create(APIKeyOrder(owner: owner))
        #expect(result.exitCode == 0, "\(result.complaint)")
        #expect(result.output.hasSuffix("\n"))
        return try #require(Array(result.output.dropLast().utf8).withView { APIKey($0) })
    }

    private func records() throws -> [APIKeyRecord] { try APIKeyFile(path: path).read() }

    @Test func `a key's secret stands nowhere, and its owner alone reads the file`() throws {
        let key = try create()
        let text = try String(contentsOfFile: path, encoding: .utf8)
        #expect(try records().map(\.digest) == [key.digest])
        #expect(!text.contains("fgk_"))
        let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
        #expect(mode == 0o600)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["keys.json"])
    }

    @Test func `keys are listed, replaced and revoked`() throws {
        let first = try create()
        let rotated = command.rotate(id: first.id.text, grace: .seconds(60), expires: nil)
        #expect(rotated.exitCode == 0)
        #expect(try records().count == 2)
        #expect(try records()[0].expires?.timestamp == "2026-11-29T12:01:00Z")
        #expect(command.revoke(id: first.id.text, removes: false).exitCode == 0)
        #expect(command.rotate(id: first.id.text, grace: nil, expires: nil).exitCode == 1)
        let table = command.list(asJSON: false).output
        #expect(table.split(separator: "\n").count == 3)
        #expect(table.contains("revoked") && table.contains("valid") && !table.contains("fgk_"))
        #expect(command.revoke(id: first.id.text, removes: true).exitCode == 0)
        #expect(try records().count == 1)
        #expect(command.revoke(id: first.id.text, removes: true).exitCode == 1)
    }

    @Test func `an order that cannot be filled changes nothing`() throws {
        _ = try create()
        let before = try Data(contentsOf: URL(fileURLWithPath: path))
        var order = APIKeyOrder(owner: "acme")
        order.scopes = ["a b"]
        #expect(command.create(order).exitCode == 1)
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == before)
    }

    @Test func `a file that is broken is left alone`() throws {
        try "{".write(toFile: path, atomically: true, encoding: .utf8)
        let result = command.create(APIKeyOrder(owner: "acme"))
        #expect(result.exitCode == 1)
        #expect(result.complaint.contains("keys.json, line 1: no JSON"))
        #expect(try String(contentsOfFile: path, encoding: .utf8) == "{")
        #expect(command.list(asJSON: true).exitCode == 1)
    }

    @Test func `commands that come at once lose nothing`() async throws {
        let command = command
        await withTaskGroup(of: Int32.self) { group in
            for number in 0..<16 {
                group.addTask { command.create(APIKeyOrder(owner: "owner-\(number)")).exitCode }
            }
            for await code in group { #expect(code == 0) }
        }
        #expect(Set(try records().map(\.owner)).count == 16)
    }

    @Test func `a folder that is not there is told`() {
        let result = KeysCommand(.file(folder.file("none/keys.json"))).create(APIKeyOrder(owner: "acme"))
        #expect(result.exitCode == 1)
        #expect(result.complaint.contains("cannot open the folder"))
    }
}
