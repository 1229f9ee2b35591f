import Foundation

/// A scripted origin behind TLS, with the certificates of its test.
final class EncryptedOrigin {
    let credentials: TestCredentials
    let origin: ScriptedOrigin
    let relay: TLSRelay

    /// - Parameters:
    ///   - names: those of the certificate.
    ///   - age: its days.
    init(
        _ scripts: [[ScriptedOrigin.Step]], names: [String] = ["localhost", "127.0.0.1"], age: Int64 = 0,
        change: (inout TLSRelay.Options, TestCredentials) throws -> Void = { _, _ in }
    ) throws {
        credentials = try TestCredentials()
        origin = try ScriptedOrigin(scripts: scripts)
        var options = TLSRelay.Options()
        options.credentials = try credentials.leaf(names, age: age)
        try change(&options, credentials)
        relay = try TLSRelay(.server, before: origin.port, options)
    }

    /// Answers every request alike.
    convenience init(
        names: [String] = ["localhost", "127.0.0.1"], age: Int64 = 0,
        change: (inout TLSRelay.Options, TestCredentials) throws -> Void = { _, _ in }
    ) throws {
        try self.init(
            [[.forever([.expectRequest, .respond(body: "answered")])]], names: names, age: age, change: change
        )
    }

    deinit {
        relay.stop()
        origin.stop()
    }

    /// A gateway that trusts its authority.
    ///
    /// - Parameters:
    ///   - host: what the settings call the server.
    ///   - tls: further keys of `tls`.
    func gateway(
        host: String = "127.0.0.1", tls: String = "", trusting authority: String? = nil,
        clients: String = "", upstream: String = "", route: String = "", listener: String = ""
    ) throws -> GatewayProcess {
        let trust = "authorities: \(authority ?? credentials.authority)"
        return try GatewayProcess(
            servers: ["\"https://\(host):\(relay.port)\""], clients: clients,
            upstream: "tls: { \(trust), \(tls) }, \(upstream)", route: route, listener: listener)
    }
}
