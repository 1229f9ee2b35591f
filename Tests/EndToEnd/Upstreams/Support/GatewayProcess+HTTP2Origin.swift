import Foundation
import Testing

extension GatewayProcess {
    /// Before an origin that speaks HTTP/2; clients may speak either version.
    convenience init(
        before origin: HTTP2Origin, clients: String = "", upstream: String = "", route: String = "",
        top: String = ""
    ) throws {
        try self.init(
            servers: ["127.0.0.1:\(origin.port)"], clients: clients, upstream: "protocol: h2, \(upstream)",
            route: route, listener: Self.http2, top: top)
    }

    /// A connection of an HTTP/1.1 client that has sent this.
    func sending(_ text: String, receiveBuffer: Int32? = nil) throws -> RawClient {
        let client = try RawClient(port: ports.gateway, receiveBuffer: receiveBuffer)
        try client.send(text)
        return client
    }

    /// Waits until nothing is open, no stream either.
    func waitUntilGaugesAreDown() throws {
        try waitUntilNothingIsOpen()
        #expect(try metric("floodgate_http2_streams_open") == 0)
    }
}

/// A gateway before an origin of the test's own, which the test drives.
func withHTTP2Origin(
    clients: String = "", upstream: String = "", route: String = "",
    sourceLocation: SourceLocation = #_sourceLocation,
    _ body: (GatewayProcess, HTTP2Origin) throws -> Void
) throws {
    let origin = try HTTP2Origin()
    defer { origin.stop() }
    let gateway = try GatewayProcess(before: origin, clients: clients, upstream: upstream, route: route)
    try body(gateway, origin)
    #expect(gateway.process.exit == nil, "\(gateway.standardError)", sourceLocation: sourceLocation)
    #expect(origin.failures.isEmpty, "\(origin.failures)", sourceLocation: sourceLocation)
}
