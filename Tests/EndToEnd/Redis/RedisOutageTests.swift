import Foundation
import TestServers
import Testing

/// What clients and operators see of a Redis that comes and goes: clients nothing, operators enough.
@Suite(.serialized, .timeLimit(.minutes(20))) struct RedisOutageTests {
    private static func settings(_ ports: GatewayProcess.Ports, redis: String) -> String {
        """
        workers: 2
        listeners: [{ address: 127.0.0.1:\(ports.gateway) }]
        admin: { address: 127.0.0.1:\(ports.admin) }
        access_log: { path: off }
        drain: { announce: 0s, deadline: 1s }
        routes: [{ path: /, respond: { status: 200, text: ok } }]
        redis: \(redis)

        """
    }

    private static func status(_ gateway: GatewayProcess) throws -> [String: Any]? {
        let client = try RawClient(port: gateway.ports.admin)
        defer { client.close() }
        let body = try client.ask("GET /status HTTP/1.1\r\nHost: 127.0.0.1:\(gateway.ports.admin)\r\n\r\n")
            .body
        let object = try JSONSerialization.jsonObject(with: Data(body)) as? [String: Any]
        return object?["redis"] as? [String: Any]
    }

    private static func serves(_ gateway: GatewayProcess, _ count: Int = 50) throws {
        let client = try gateway.client()
        defer { client.close() }
        for _ in 0..<count { #expect(try client.ask(get("/")).text == "ok") }
    }

    @Test func `a gateway starts before a Redis that hangs, serves, and finds it when it goes on`() throws {
        let server = try RedisServer()
        server.hang()
        defer { server.goOn() }
        let gateway = try GatewayProcess { Self.settings($0, redis: server.address) }
        try Self.serves(gateway)
        try gateway.waitUntilSaid("redis lost, going on without it", within: .seconds(20))
        #expect(try Self.status(gateway)?["ok"] as? Bool == false)
        server.goOn()
        try gateway.waitUntilSaid("redis is back", within: .seconds(20))
        try eventually("shared again", within: .seconds(20)) {
            try Self.status(gateway)?["shared"] as? Bool == true
        }
        #expect(try Self.status(gateway)?["ok"] as? Bool == true)
        try Self.serves(gateway)
        #expect(gateway.said("redis lost") == 1, "both turns are told once, whatever the number of workers")
        #expect(gateway.said("redis is back") == 1)
    }

    @Test func `killed and started again, it is lost and back while clients are served`() throws {
        let server = try RedisServer()
        let gateway = try GatewayProcess { Self.settings($0, redis: server.address) }
        try eventually("shared", within: .seconds(20)) {
            try Self.status(gateway)?["shared"] as? Bool == true
        }
        server.kill()
        try Self.serves(gateway)
        try gateway.waitUntilSaid("redis lost, going on without it", within: .seconds(20))
        try server.start()
        try gateway.waitUntilSaid("redis is back", within: .seconds(20))
        try Self.serves(gateway)
    }

    @Test func `a wrong password is said without the password, everywhere`() throws {
        var options = RedisServer.Options()
        options.password = "right"
        let server = try RedisServer(options)
        let gateway = try GatewayProcess {
            Self.settings($0, redis: "redis://:hunter2secret@127.0.0.1:\(server.port)")
        }
        try gateway.waitUntilSaid("WRONGPASS", within: .seconds(20))
        try Self.serves(gateway)
        let status = try ChildProcess.run(
            GatewayProcess.binary, ["status", "--address", "127.0.0.1:\(gateway.ports.admin)"])
        #expect(status.output.contains("Redis"), "\(status.output)\(status.errors)")
        #expect(status.output.contains("lost"))
        for text in [gateway.standardError, gateway.standardOutput, status.output, status.errors] {
            #expect(!text.contains("hunter2"))
        }
        try gateway.reload(Self.settings(gateway.ports, redis: "redis://:right@127.0.0.1:\(server.port)"))
        try eventually("shared", within: .seconds(20)) {
            try Self.status(gateway)?["shared"] as? Bool == true
        }
        #expect(try Self.status(gateway)?["ok"] as? Bool == true)
        try gateway.reload(Self.settings(gateway.ports, redis: "memory"))
        #expect(try Self.status(gateway) == nil)
        try Self.serves(gateway)
    }

    @Test func `a host's name is looked up`() throws {
        let server = try RedisServer()
        let gateway = try GatewayProcess { Self.settings($0, redis: "redis://localhost:\(server.port)") }
        try eventually("shared", within: .seconds(20)) {
            try Self.status(gateway)?["shared"] as? Bool == true
        }
        try eventually("asked", within: .seconds(20)) {
            try server.ask("CLIENT", "LIST").split(separator: "\n").count >= 5
        }
        #expect(try Self.status(gateway)?["ok"] as? Bool == true)
    }
}
