import Foundation
import Testing

/// gRPC from end to end, by grpcio on both sides.
@Suite(.enabled(if: GRPCServer.isThere, "needs Debian's python3-grpcio"), .timeLimit(.minutes(20)))
struct GRPCTests {
    private static let scenarios = [
        "unary", "many", "big", "events", "upload", "talk", "missing", "late", "unknown", "cancel",
        "deadline",
    ]

    @Test(arguments: [false, true], [false, true])
    func `every kind of call works`(clientEncrypts: Bool, serverEncrypts: Bool) throws {
        let credentials = try TestCredentials()
        let pair = try credentials.leaf(["localhost"])
        let server = try GRPCServer(serverEncrypts ? pair : nil)
        let address = serverEncrypts ? "\"https://127.0.0.1:\(server.port)\"" : "127.0.0.1:\(server.port)"
        let trust = "tls: { authorities: \(credentials.authority), name: localhost }"
        let tls = "tls: { certificates: [{ certificate: \(pair.certificate), key: \(pair.key) }] }"
        let gateway = try GatewayProcess(
            servers: [address], upstream: "protocol: h2, \(serverEncrypts ? trust : "")",
            listener: clientEncrypts ? tls : GatewayProcess.http2)
        let port = gateway.ports.gateway
        let authority = clientEncrypts ? credentials.authority : nil
        #expect(try GRPCServer.run(Self.scenarios, port: port, authority: authority) == "")
        #expect(gateway.process.exit == nil)
        let lines = gateway.logLines()
        func codes(_ method: String) -> Set<Int?> {
            Set(
                lines.filter { $0["path"] as? String == "/test.Peer/\(method)" }.map {
                    $0["grpc_status"] as? Int
                })
        }
        #expect(codes("Unary") == [0])
        #expect(codes("Missing") == [5])
        #expect(codes("Late") == [15])
        #expect(codes("Talk") == [0])
        // Neither call came to its end; the deadline of one may have been the gateway's own to tell.
        #expect(codes("Wait").isSubset(of: [nil, 4]))
        try eventually("no client") { try gateway.openThings().clients == 0 ? true : nil }
    }

    /// What a client is told of refusals of the gateway's own: for a unary call and one that streams.
    private func told(
        _ gateway: GatewayProcess, sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> [String] {
        let words = try GRPCServer.run(["refused"], port: gateway.ports.gateway)
        return words.split(separator: "\n").map(String.init).filter { !$0.hasPrefix("ok") }
    }

    @Test func `a client of gRPC understands what the gateway answers by itself`() throws {
        let port = try Loopback.freePorts(1)[0]
        let dead = try GatewayProcess(
            servers: ["127.0.0.1:\(port)"], upstream: "protocol: h2", listener: GatewayProcess.http2)
        #expect(try told(dead) == Array(repeating: "UNAVAILABLE The service could not be reached.", count: 2))
        let lines = try dead.logged("/test.Peer/Unary", count: 2)
        #expect(lines.allSatisfy { $0["status"] as? Int == 200 && $0["grpc_status"] as? Int == 14 })
        #expect(lines.allSatisfy { $0["outcome"] as? String == "upstream.connect" })

        let server = try GRPCServer()
        let limited = try GatewayProcess(
            servers: ["127.0.0.1:\(server.port)"], upstream: "protocol: h2",
            route: "max_body: 50B", listener: GatewayProcess.http2)
        let refusals = try told(limited)
        #expect(
            refusals.count == 2 && refusals.allSatisfy { $0.hasPrefix("RESOURCE_EXHAUSTED ") }, "\(refusals)")
    }
}
