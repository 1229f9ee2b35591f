import Certificates
import Foundation

/// An authority of a test's own and certificates by it, as files in a folder that goes with it.
final class TestAuthority {
    let folder: URL
    let path: String
    let bytes: [UInt8]
    private let signer: DevelopmentAuthority
    private let now = Int64(Date().timeIntervalSince1970)

    init() throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("fg-ca-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        signer = try DevelopmentAuthority.make(now: now, serial: Self.serial())
        let file = folder.appendingPathComponent("authority.pem")
        try signer.certificatePEM.write(to: file, atomically: true, encoding: .utf8)
        path = file.path
        bytes = Array(signer.certificatePEM.utf8)
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    /// Paths of a certificate for these names, and of its key.
    func leaf(_ names: [String]) throws -> (certificate: String, key: String) {
        let wanted = try names.map { name throws(AuthorityError) in try AlternativeName(wanted: name) }
        let leaf = try signer.leaf(names: wanted, use: .server, now: now, serial: Self.serial())
        let certificate = folder.appendingPathComponent("\(UUID().uuidString).pem")
        let key = folder.appendingPathComponent("\(UUID().uuidString).key")
        try leaf.certificatePEM.write(to: certificate, atomically: true, encoding: .utf8)
        try leaf.keyPEM.write(to: key, atomically: true, encoding: .utf8)
        return (certificate.path, key.path)
    }

    private static func serial() -> [UInt8] { (0..<16).map { _ in UInt8.random(in: 0...255) } }
}
