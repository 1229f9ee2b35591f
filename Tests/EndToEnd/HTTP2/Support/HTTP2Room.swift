import Foundation
import Testing

/// One server for all cases of a suite: a gateway before an origin, or whatever FLOODGATE_H2_TARGET names
/// (`host:port`, on this machine; what is asked for at /held should not be answered there). When the last
/// case is through, the gateway must have survived.
struct HTTP2Room: SuiteTrait, TestScoping {
    struct Place: Sendable {
        let port: UInt16
        /// Nil where the server is another's.
        let gateway: GatewayProcess?
    }

    @TaskLocal static var place: Place?

    /// The port of another server; nil where the gateway is to be tested.
    static let target: UInt16? = ProcessInfo.processInfo.environment["FLOODGATE_H2_TARGET"].flatMap {
        $0.split(separator: ":").last.flatMap { UInt16($0) }
    }

    /// Whether SHOULD is held too: for the gateway unless FLOODGATE_H2_STRICT is 0, for others where it is 1.
    static let isStrict: Bool = {
        let value = ProcessInfo.processInfo.environment["FLOODGATE_H2_STRICT"]
        return target == nil ? value != "0" : value == "1"
    }()

    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        if let port = Self.target {
            return try await Self.$place.withValue(Place(port: port, gateway: nil)) { try await function() }
        }
        let origin = try ScriptedOrigin.answering(body: "answered")
        let holding = try ScriptedOrigin(.expectHead, .waitUntilPeerLeaves)
        defer {
            origin.stop()
            holding.stop()
        }
        let gateway = try GatewayProcess { ports in
            """
            workers: 1
            listeners: [{ address: 127.0.0.1:\(ports.gateway), protocols: [h2, http/1.1] }]
            admin: { address: 127.0.0.1:\(ports.admin) }
            access_log: { flush: 10ms }
            drain: { announce: 0s, deadline: 1s }
            upstreams:
              app: { servers: [127.0.0.1:\(origin.port)] }
              holding: { servers: [127.0.0.1:\(holding.port)] }
            routes: [{ path: /held, upstream: holding }, { path: /*, upstream: app }]
            """
        }
        let place = Place(port: gateway.ports.gateway, gateway: gateway)
        try await Self.$place.withValue(place) { try await function() }
        #expect(gateway.process.exit == nil, "the gateway has survived")
        #expect(try gateway.ask("/").status == 200, "and serves")
    }
}

extension Trait where Self == ConditionTrait {
    /// Suites that look at the gateway's own origin: another server has none.
    static var whereOurs: Self {
        .enabled(if: HTTP2Room.target == nil, "another server is held to the tables")
    }
}
