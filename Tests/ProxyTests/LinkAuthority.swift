import Certificates
import Foundation

/// An authority of a test's own and one certificate by it for 127.0.0.1, in a folder that goes with it.
final class LinkAuthority {
    let path: String
    let certificate: String
    let key: String
    private let folder: URL

    init() throws {
        let now = Int64(Date().timeIntervalSince1970)
        let name = "fg-link-\(UUID().uuidString)"
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(name)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let signer = try DevelopmentAuthority.make(now: now, serial: Self.serial())
        let leaf = try signer.leaf(
            names: [try AlternativeName(wanted: "127.0.0.1")], use: .serverAndClient, now: now,
            serial: Self.serial())
        self.folder = folder
        func write(_ text: String, _ name: String) throws -> String {
            let file = folder.appendingPathComponent(name)
            try text.write(to: file, atomically: true, encoding: .utf8)
            return file.path
        }
        path = try write(signer.certificatePEM, "authority.pem")
        certificate = try write(leaf.certificatePEM, "leaf.pem")
        key = try write(leaf.keyPEM, "leaf.key")
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    private static func serial() -> [UInt8] { (0..<16).map { _ in UInt8.random(in: 0...255) } }
}
