import Foundation
import HTTPModel
import Settings
import Stores
import Time

@testable import Control

/// Tables without a gateway around them.
struct TestCredentials: CredentialSource {
    var keyFile: String?
    var takesKeys = true
    let apiKeys = SharedTable(.apiKeys, limits: .init(entries: 8, longestValue: 2048))
    let revocations = SharedTable(.revocations, limits: .init(entries: 8))

    static let now = WallTime(timestamp: "2026-11-29T12:00:00Z")!

    /// The answer's status and what its body says.
    func ask(
        _ method: Method, _ path: String, _ body: String = "", now: WallTime = Self.now
    ) -> (status: Int, json: JSONValue)? {
        let request = AdminRequest(method: method, path: path, body: Array(body.utf8))
        guard let response = CredentialRoutes(source: self, now: now).answer(request) else { return nil }
        return (response.status, JSONValue(parsing: response.body) ?? .null)
    }
}

/// A folder that is gone with the test.
final class TestFolder {
    let path: String

    init() throws {
        let url = FileManager.default.temporaryDirectory.appendingPathComponent("keys-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        path = url.path
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func file(_ name: String) -> String { "\(path)/\(name)" }
}
