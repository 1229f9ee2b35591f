import Settings
import TLS

/// TLS at a listener: which certificates, for whom.
package struct ListenerTLSSettings: Equatable, Sendable {
    package enum MinimumVersion: String, CaseIterable, Sendable {
        case tls12 = "1.2"
        case tls13 = "1.3"
    }

    package enum UnknownNames: String, CaseIterable, Sendable { case `default`, refuse }

    package enum ClientCertificates: String, CaseIterable, Sendable { case off, optional, required }

    package struct Certificate: Equatable, Sendable {
        /// PEM files: the certificate with its chain, and its key.
        package var certificate = ""
        package var key = ""
        /// A file with the authority's OCSP response.
        package var ocsp: String?

        package init() {}
    }

    /// At least one; the first serves clients that name no host.
    package var certificates: [Certificate] = []
    package var minimumVersion: MinimumVersion = .tls12
    package var unknownNames: UnknownNames = .default
    package var clientCertificates: ClientCertificates = .off
    package var clientAuthorities: String?
    /// What the files hold; read with the settings.
    package var material = ServerMaterial()
    /// When the first of the certificates ends, in seconds since 1970.
    package var expires: Int64?

    package init() {}
}

extension ListenerTLSSettings {
    package static let section = Section(
        "TLS at a listener. The files are read with the settings, and again when they change.",
        initial: ListenerTLSSettings(),
        fields: [
            Field(
                "certificates", \.certificates, Certificate.section.list(limit: 256), .required,
                reload: .newConnections,
                "Certificates by the names in them; the first serves who names no host.",
                example: "[{ certificate: Certs/site.pem, key: Certs/site.key }]"),
            Field(
                "min_version", \.minimumVersion, .choice, reload: .newConnections,
                "Oldest version of TLS that is spoken.", example: "\"1.3\""),
            Field(
                "unknown_names", \.unknownNames, .choice, reload: .newConnections,
                "A client that names a host no certificate is for gets the default one, or is refused.",
                example: "refuse"),
            Field(
                "client_certificates", \.clientCertificates, .choice, reload: .newConnections,
                "Whether clients show certificates; upstreams see X-Client-Certificate-Subject.",
                example: "required"),
            Field(
                "client_authorities", \.clientAuthorities, .optional(.filePath), reload: .newConnections,
                "PEM file of the authorities that sign clients' certificates.", example: "Certs/clients.pem"),
        ],
        check: { settings, node, reader in
            if settings.certificates.isEmpty {
                reader.report(at: node.mark, "\(reader.path.text): at least one certificate is needed")
            }
        })
}

extension ListenerTLSSettings.Certificate {
    fileprivate static let section = Section(
        "One certificate and its key.",
        initial: ListenerTLSSettings.Certificate(),
        fields: [
            Field(
                "certificate", \.certificate, .filePath, .required, reload: .newConnections,
                "PEM file: the certificate first, then whoever issued it.", example: "Certs/site.pem"),
            Field(
                "key", \.key, .filePath, .required, reload: .newConnections,
                "PEM file of its private key, without a passphrase.", example: "Certs/site.key"),
            Field(
                "ocsp", \.ocsp, .optional(.filePath), reload: .newConnections,
                "File with the authority's OCSP response (DER), stapled to handshakes.",
                example: "Certs/site.ocsp"),
        ])
}
