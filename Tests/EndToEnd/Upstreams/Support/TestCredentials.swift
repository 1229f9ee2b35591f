import Certificates
import Foundation

/// Certificates and keys of a test's own, made when they are needed, in a folder that goes with it.
final class TestCredentials {
    /// Paths of a certificate and its key, PEM.
    struct Pair: Sendable {
        let certificate: String
        let key: String
    }

    /// PEM file of the authority.
    let authority: String
    private let signer: DevelopmentAuthority
    private let directory: URL
    private let now = Int64(Date().timeIntervalSince1970)
    private var made = 0

    init() throws {
        directory = FileManager.default.temporaryDirectory
            .appendingPathComponent("floodgate-credentials-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        // Old enough for certificates whose time is over already.
        signer = try DevelopmentAuthority.make(now: now - 100 * 86_400, serial: Self.serial())
        let file = directory.appendingPathComponent("authority.pem")
        try signer.certificatePEM.write(to: file, atomically: true, encoding: .utf8)
        authority = file.path
    }

    deinit { try? FileManager.default.removeItem(at: directory) }

    /// A certificate of the authority's.
    ///
    /// - Parameter age: days since it was made; it is good for 90.
    func leaf(
        _ names: [String], age: Int64 = 0, use: DevelopmentAuthority.Use = .server
    ) throws -> Pair {
        let wanted = try names.map { name throws(AuthorityError) in try AlternativeName(wanted: name) }
        let leaf = try signer.leaf(names: wanted, use: use, now: now - age * 86_400, serial: Self.serial())
        return try write(leaf.certificatePEM, leaf.keyPEM)
    }

    /// The authority's own certificate, as a server would show one that it has signed itself.
    func ownSignature() throws -> Pair { try write(signer.certificatePEM, signer.keyPEM()) }

    /// A file of any content in the folder.
    func file(_ content: String) throws -> String {
        made += 1
        let file = directory.appendingPathComponent("\(made).pem")
        try content.write(to: file, atomically: true, encoding: .utf8)
        return file.path
    }

    private func write(_ certificate: String, _ key: String) throws -> Pair {
        Pair(certificate: try file(certificate), key: try file(key))
    }

    private static func serial() -> [UInt8] { (0..<16).map { _ in UInt8.random(in: 0...255) } }
}
