import Certificates
import Glibc
import Reactor

/// The four files of `floodgate certs dev`.
struct CertificateFolder {
    let path: String

    var authority: String { file("authority.pem") }
    var authorityKey: String { file("authority.key") }
    var site: String { file("site.pem") }
    var siteKey: String { file("site.key") }

    /// Where the authority comes from.
    enum Origin {
        case kept
        case new
        /// In the place of one whose time was over.
        case renewed

        var words: String {
            switch self {
            case .kept: "the authority that was there"
            case .new: "a new authority"
            case .renewed: "a new authority, because the old one had expired"
            }
        }
    }

    /// A file that cannot be read or written, or is not what it should be.
    struct Failure: Error, CustomStringConvertible {
        let description: String

        init(_ path: String, _ reason: some CustomStringConvertible) { description = "\(path): \(reason)" }
    }

    /// The authority of this folder; made, and written, where there is none or its time is over.
    ///
    /// - Parameter now: seconds since 1970.
    func authority(now: Int64) throws(Failure) -> (DevelopmentAuthority, Origin) {
        do throws(SystemError) { try ProcessFiles.makeFolder(path) } catch { throw Failure(path, error) }
        let certificate = try read(authority)
        let key = try read(authorityKey)
        let standing: DevelopmentAuthority.Standing
        do throws(AuthorityError) {
            standing = try DevelopmentAuthority.standing(certificate: certificate, key: key, now: now)
        } catch {
            throw Failure(path, error)
        }
        switch standing {
        case .valid(let authority): return (authority, .kept)
        case .absent: return (try makeAuthority(now: now), .new)
        case .expired: return (try makeAuthority(now: now), .renewed)
        }
    }

    /// The site's certificate and key, in the place of those that were there.
    func write(site leaf: DevelopmentAuthority.Leaf) throws(Failure) {
        try write(leaf.keyPEM, to: siteKey, readers: .owner)
        try write(leaf.certificatePEM, to: site, readers: .anyone)
    }

    /// Makes a certificate for this machine, unless a good one is there.
    ///
    /// - Parameter now: seconds since 1970.
    func prepare(now: Int64) throws(Failure) {
        if let bytes = try read(site), let chain = try? CertificateChain(pem: bytes),
            chain.leaf.daysLeft(now: now) > 0, try read(siteKey) != nil
        {
            return
        }
        let (authority, _) = try authority(now: now)
        do {
            let names = try Self.ownNames.map { try AlternativeName(wanted: $0) }
            try write(site: try authority.leaf(names: names, now: now, serial: Self.serial()))
        } catch {
            throw Failure(path, "\(error)")
        }
    }

    /// What this machine calls itself.
    static let ownNames = ["localhost", "127.0.0.1", "::1"]

    /// 16 random bytes.
    static func serial() -> [UInt8] { (0..<16).map { _ in UInt8.random(in: .min ... .max) } }

    private func makeAuthority(now: Int64) throws(Failure) -> DevelopmentAuthority {
        let made: DevelopmentAuthority
        let key: String
        do throws(AuthorityError) {
            made = try DevelopmentAuthority.make(now: now, serial: Self.serial())
            key = try made.keyPEM()
        } catch {
            throw Failure(path, error)
        }
        try write(key, to: authorityKey, readers: .owner)
        try write(made.certificatePEM, to: authority, readers: .anyone)
        return made
    }

    /// Nil where there is no such file.
    private func read(_ file: String) throws(Failure) -> [UInt8]? {
        do throws(SystemError) {
            return try ProcessFiles.read(file, limit: CertsCommand.fileLimit)
        } catch {
            guard error.code != ENOENT else { return nil }
            throw Failure(file, error)
        }
    }

    private func write(_ text: String, to file: String, readers: ProcessFiles.Readers) throws(Failure) {
        do throws(SystemError) {
            try ProcessFiles.write(Array(text.utf8), to: file, readers: readers)
        } catch {
            throw Failure(file, error)
        }
    }

    private func file(_ name: String) -> String { path.hasSuffix("/") ? path + name : path + "/" + name }
}
