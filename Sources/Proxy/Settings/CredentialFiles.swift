import Certificates
import JWT
import Pipeline
import Settings
import TLS
import Upstream

/// What a reader of settings may open: files, and the clock that certificates are held against. An argument,
/// so that reading settings stays pure.
package struct CredentialFiles {
    /// The contents of a file, or why it cannot be read.
    package let read: (String) -> Result<[UInt8], Unreadable>
    /// The same for a list of addresses, which may be longer than any certificate.
    package let readList: (String) -> Result<[UInt8], Unreadable>
    /// Seconds since 1970.
    package let now: Int64

    package struct Unreadable: Error {
        package let reason: String

        package init(_ reason: String) { self.reason = reason }
    }

    /// - Parameter readList: nil is `read`.
    package init(
        now: Int64, read: @escaping (String) -> Result<[UInt8], Unreadable>,
        readList: ((String) -> Result<[UInt8], Unreadable>)? = nil
    ) {
        self.now = now
        self.read = read
        self.readList = readList ?? read
    }
}

extension GatewaySettings {
    /// Reads the files that the settings name, checks what they hold, and keeps it in the settings.
    /// Everything that is wrong is reported where the file is named.
    mutating func loadCredentials(_ files: CredentialFiles, _ reader: inout Reader) {
        for index in listeners.indices {
            guard var tls = listeners[index].tls else { continue }
            let place: [SettingStep] = [.key("listeners"), .index(index), .key("tls")]
            var loader = CredentialLoader(files: files, reader: reader)
            loader.load(&tls, protocols: listeners[index].spoken, at: place)
            reader = loader.reader
            listeners[index].tls = tls
        }
        for index in upstreams.indices {
            guard var tls = upstreams[index].tls else { continue }
            let place: [SettingStep] = [.key("upstreams"), .key(upstreams[index].name), .key("tls")]
            var loader = CredentialLoader(files: files, reader: reader)
            loader.load(&tls, version: upstreams[index].version, at: place)
            reader = loader.reader
            upstreams[index].tls = tls
        }
        for index in identity.tokens.indices {
            let place: [SettingStep] = [.key("identity"), .key("tokens"), .key(identity.tokens[index].name)]
            var loader = CredentialLoader(files: files, reader: reader)
            loader.load(&identity.tokens[index], at: place)
            reader = loader.reader
        }
        if let path = identity.planLookup?.authorities {
            let place: [SettingStep] = [.key("identity"), .key("plan_lookup"), .key("authorities")]
            var loader = CredentialLoader(files: files, reader: reader)
            identity.planLookup?.authorityBytes = loader.readAuthorities(path, at: place) ?? []
            reader = loader.reader
        }
        if var tls = redis.tls {
            var loader = CredentialLoader(files: files, reader: reader)
            loader.load(&tls, version: .http11, at: [.key("redis"), .key("tls")])
            reader = loader.reader
            redis.tls = tls
        }
        loadAPIKeys(files, &reader)
        loadTicketKeys(files, &reader)
    }

    private mutating func loadAPIKeys(_ files: CredentialFiles, _ reader: inout Reader) {
        guard let path = identity.apiKeys?.file else { return }
        identity.apiKeys?.material = APIKeySet()
        let place: [SettingStep] = [.key("identity"), .key("api_keys"), .key("file")]
        switch files.read(path) {
        case .success(let bytes):
            do throws(APIKeySet.Fault) {
                identity.apiKeys?.material = try APIKeySet(file: bytes)
            } catch {
                reader.report(at: reader.mark(of: place), "\(place.text): \(path), \(error)")
            }
        case .failure(let error):
            reader.report(
                at: reader.mark(of: place),
                "\(place.text): cannot read \(path): \(error.reason) (floodgate keys create makes it)")
        }
    }

    private mutating func loadTicketKeys(_ files: CredentialFiles, _ reader: inout Reader) {
        sharedTicketKeys = []
        for (index, path) in ticketKeys.enumerated() {
            let place: [SettingStep] = [.key("ticket_keys"), .index(index)]
            switch files.read(path) {
            case .success(let bytes):
                guard let key = TicketKeys.Key(bytes: bytes) else {
                    reader.report(
                        at: reader.mark(of: place),
                        "\(place.text): \(path) has \(bytes.count) bytes, a key 80 (openssl rand 80) or 48"
                    )
                    continue
                }
                sharedTicketKeys.append(key)
            case .failure(let error):
                reader.report(
                    at: reader.mark(of: place), "\(place.text): cannot read \(path): \(error.reason)")
            }
        }
    }

    /// Paths of all files that the settings name, each once.
    package var credentialPaths: [String] {
        var paths: [String] = ticketKeys
        for tls in listeners.compactMap(\.tls) {
            paths += tls.certificates.flatMap { [$0.certificate, $0.key] + [$0.ocsp].compactMap { $0 } }
            paths += [tls.clientAuthorities].compactMap { $0 }
        }
        for tls in upstreams.compactMap(\.tls) + [redis.tls].compactMap({ $0 }) {
            paths += [tls.authorities, tls.certificate, tls.key].compactMap { $0 }
        }
        for source in identity.tokens {
            paths += [source.publicKey, source.authorities].compactMap { $0 }
            if case .file(let path) = source.keys { paths.append(path) }
        }
        if let path = identity.planLookup?.authorities { paths.append(path) }
        paths += [identity.apiKeys?.file].compactMap { $0 }
        paths += addressLists.flatMap { [$0.allowFile, $0.denyFile].compactMap { $0 } }
        var seen: Set<String> = []
        return paths.filter { seen.insert($0).inserted }
    }

    /// When the first certificate of any listener ends, in seconds since 1970.
    package var certificatesExpire: Int64? { listeners.compactMap { $0.tls?.expires }.min() }
}

/// Reads files for one part of the settings and reports what is wrong with them.
private struct CredentialLoader {
    let files: CredentialFiles
    var reader: Reader

    mutating func load(
        _ tls: inout ListenerTLSSettings, protocols: [ListenerSettings.HTTPVersion], at place: [SettingStep]
    ) {
        var material = ServerMaterial()
        material.minimum = tls.minimumVersion == .tls13 ? .tls13 : .tls12
        material.applications = protocols.map { $0 == .http2 ? .http2 : .http1 }
        material.refusesUnknownNames = tls.unknownNames == .refuse
        tls.expires = nil
        for (index, certificate) in tls.certificates.enumerated() {
            let path = place + [.key("certificates"), .index(index)]
            guard let loaded = load(certificate, at: path) else { continue }
            material.certificates.append(loaded.certificate)
            tls.expires = min(tls.expires ?? .max, loaded.expires)
        }
        let asks = tls.clientCertificates != .off
        if asks != (tls.clientAuthorities != nil) {
            report(
                place,
                asks
                    ? "client_certificates needs client_authorities"
                    : "client_authorities without client_certificates changes nothing")
        }
        if let authorities = tls.clientAuthorities {
            let path = place + [.key("client_authorities")]
            guard let bytes = readAuthorities(authorities, at: path) else { return }
            switch tls.clientCertificates {
            case .off: break
            case .optional: material.clientCertificates = .optional(authorities: bytes)
            case .required: material.clientCertificates = .required(authorities: bytes)
            }
        }
        guard !material.certificates.isEmpty, material.certificates.count == tls.certificates.count else {
            return
        }
        tls.material = material
        do throws(TLSFailure) {
            _ = try ServerContext(material, ticketKeys: TicketKeys())
        } catch {
            report(place, "these certificates cannot be used: \(error.description)")
        }
    }

    private mutating func load(
        _ certificate: ListenerTLSSettings.Certificate, at place: [SettingStep]
    ) -> (certificate: ServerMaterial.Certificate, expires: Int64)? {
        guard let pair = readPair(certificate.certificate, certificate.key, at: place) else { return nil }
        let names = pair.chain.leaf.names.map { name in
            switch name {
            case .dns(let text): text
            case .address(let address): address.description
            }
        }
        var loaded = ServerMaterial.Certificate(
            chain: pair.certificateBytes, key: pair.keyBytes, names: names)
        if let path = certificate.ocsp {
            guard let bytes = read(path, at: place + [.key("ocsp")]) else { return nil }
            guard OCSPStatus.isResponse(bytes) else {
                report(place + [.key("ocsp")], "\(path) is no successful OCSP response (DER)")
                return nil
            }
            loaded.status = bytes
        }
        return (loaded, pair.chain.leaf.notAfter)
    }

    mutating func load(
        _ tls: inout UpstreamTLSSettings, version: UpstreamSettings.Version, at place: [SettingStep]
    ) {
        var material = ClientMaterial()
        material.verifies = tls.verify
        material.applications = version == .http2 ? [.http2] : [.http1]
        if let path = tls.authorities {
            guard let bytes = readAuthorities(path, at: place + [.key("authorities")]) else { return }
            material.authorities = bytes
        }
        if (tls.certificate == nil) != (tls.key == nil) {
            report(place, "certificate and key belong together")
        }
        if let certificate = tls.certificate, let key = tls.key {
            guard let pair = readPair(certificate, key, at: place) else { return }
            material.certificate = (pair.certificateBytes, pair.keyBytes)
        }
        tls.material = material
        do throws(TLSFailure) {
            _ = try ClientContext(material)
        } catch {
            report(place, "TLS cannot be set up: \(error.description)")
        }
    }

    mutating func load(_ source: inout TokenSettings, at place: [SettingStep]) {
        source.material = TokenMaterial()
        if let path = source.authorities {
            source.material.authorities = readAuthorities(path, at: place + [.key("authorities")]) ?? []
        }
        if let path = source.publicKey, let bytes = read(path, at: place + [.key("public_key")]) {
            do throws(KeyError) {
                _ = try source.publicKey(pem: bytes)
                source.material.publicKey = bytes
            } catch {
                report(place + [.key("public_key")], "\(path): \(error)")
            }
        }
        guard case .file(let path) = source.keys, let bytes = read(path, at: place + [.key("keys")]) else {
            return
        }
        do throws(KeySetError) {
            let allowed = source.allowed
            let result = bytes.withView { text -> Result<KeySet, KeySetError> in
                do throws(KeySetError) {
                    return .success(try KeySet(jwks: text, source: .local, algorithms: allowed))
                } catch {
                    return .failure(error)
                }
            }
            for skipped in try result.get().skipped {
                report(place + [.key("keys")], "\(path): a key is left out: \(skipped)", .warning)
            }
            source.material.keySet = bytes
        } catch {
            report(place + [.key("keys")], "\(path): \(error)")
        }
    }

    // MARK: Files

    private struct Pair {
        let chain: CertificateChain
        let certificateBytes: [UInt8]
        let keyBytes: [UInt8]
    }

    private mutating func readPair(_ certificate: String, _ key: String, at place: [SettingStep]) -> Pair? {
        let certificatePlace = place + [.key("certificate")]
        let keyPlace = place + [.key("key")]
        let certificateBytes = read(certificate, at: certificatePlace)
        let keyBytes = read(key, at: keyPlace)
        guard let certificateBytes, let keyBytes else { return nil }
        let chain: CertificateChain
        let privateKey: PrivateKeyFile
        do throws(CertificateError) {
            chain = try CertificateChain(pem: certificateBytes)
        } catch {
            report(certificatePlace, "\(certificate): \(error)")
            return nil
        }
        do throws(CertificateError) {
            privateKey = try PrivateKeyFile(pem: keyBytes)
        } catch {
            report(keyPlace, "\(key): \(error)")
            return nil
        }
        var isUsable = true
        for problem in CertificateInspection.problems(chain, key: privateKey, now: files.now) {
            let isKey = problem == .keyMismatch
            report(
                isKey ? keyPlace : certificatePlace, "\(isKey ? key : certificate): \(problem)",
                problem.severity == .error ? .error : .warning)
            if problem.severity == .error { isUsable = false }
        }
        return isUsable ? Pair(chain: chain, certificateBytes: certificateBytes, keyBytes: keyBytes) : nil
    }

    mutating func readAuthorities(_ path: String, at place: [SettingStep]) -> [UInt8]? {
        guard let bytes = read(path, at: place) else { return nil }
        do throws(CertificateError) {
            _ = try CertificateChain(pem: bytes)
        } catch {
            report(place, "\(path): \(error)")
            return nil
        }
        return bytes
    }

    private mutating func read(_ path: String, at place: [SettingStep]) -> [UInt8]? {
        switch files.read(path) {
        case .success(let bytes): return bytes
        case .failure(let error):
            report(place, "cannot read \(path): \(error.reason)")
            return nil
        }
    }

    private mutating func report(
        _ place: [SettingStep], _ message: String, _ severity: Diagnostic.Severity = .error
    ) {
        reader.report(severity, at: reader.mark(of: place), "\(place.text): \(message)")
    }
}
