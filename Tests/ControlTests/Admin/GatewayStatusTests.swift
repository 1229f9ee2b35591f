import Foundation
import Telemetry
import Testing
import Time

@testable import Control
@testable import Settings

@Suite struct GatewayStatusTests {
    private func reread(_ status: GatewayStatus) -> GatewayStatus? {
        JSONValue(parsing: Array(status.json.text.utf8)).flatMap(GatewayStatus.init(json:))
    }

    @Test func `what is written as JSON is read back the same`() throws {
        var status = StubSource.ordinaryStatus()
        status.routes[0].p50 = 0.421
        #expect(reread(status) == status)
        status.lastReload?.errors = ["gateway.yaml:11:7: error: unknown key \"burts\"\n\u{1B}[31m\u{9B}é😀"]
        status.state = .draining
        status.isReady = false
        #expect(reread(status) == status)
        let bare = GatewayStatus(
            version: "0", pid: 1, uptime: .zero, state: .running, isReady: true, settingsFile: nil,
            generation: 1)
        #expect(reread(bare) == bare)
    }

    @Test func `others read the JSON by its documented names`() throws {
        let text = StubSource.ordinaryStatus().json.text
        let object = try #require(
            try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
        #expect(object["state"] as? String == "running")
        #expect(object["uptime_seconds"] as? Int == 273_907)
        let settings = try #require(object["settings"] as? [String: Any])
        #expect(settings["file"] as? String == "/etc/floodgate/gateway.yaml")
        #expect((settings["last_reload"] as? [String: Any])?["time"] as? String == "2025-12-31T12:00:00.123Z")
        #expect((object["outcomes"] as? [String: Any])?["client.body"] as? Int == 67)
        let route = try #require((object["routes"] as? [[String: Any]])?.first)
        #expect(route["p50_ms"] as? Double == 0.422)
        #expect((route["requests"] as? [String: Any])?["4xx"] as? Int == 567)
        let upstream = try #require((object["upstreams"] as? [[String: Any]])?.first)
        #expect(upstream["endpoints"] as? [String] == ["127.0.0.1:3000", "127.0.0.1:3001"])
    }

    @Test(arguments: [
        "{}", "[]", "null", #"{"version":"1","pid":1}"#, #"{"version":"1","pid":1,"state":"dancing"}"#,
    ])
    func `what is no status is not taken for one`(text: String) {
        #expect(JSONValue(parsing: Array(text.utf8)).flatMap(GatewayStatus.init(json:)) == nil)
    }

    @Test func `a status of another version is read as far as it goes`() throws {
        let text = """
            {"version":"9","pid":1,"state":"running","new":{"a":[1]},
            "routes":[{"name":"r"},7],"workers":"none",
            "settings":{"last_reload":{"unix_ms":9223372036854775807}},"uptime_seconds":-5,"requests":-1}
            """
        let status = try #require(JSONValue(parsing: Array(text.utf8)).flatMap(GatewayStatus.init(json:)))
        #expect(status.routes.map(\.name) == ["r", "-"])
        #expect(status.workers.isEmpty && !status.isReady && status.requests == 0)
    }

    @Test func `numbers come from the metrics, names and order from the settings`() {
        let registry = MetricRegistry()
        let worker = registry.makeWorkerMetrics()
        for name in ["old", "b", "a"] { _ = registry.routeSlot(name) }
        worker.exchangeEnded(
            route: registry.routeSlot("a"), status: 503, outcome: .upstreamConnect, bytesIn: 0, bytesOut: 0,
            nanoseconds: 10_000_000)
        worker.exchangeEnded(
            route: .unmatched, status: 404, outcome: .gatewayPolicy, bytesIn: 0, bytesOut: 0,
            nanoseconds: 1000)
        worker.add(.upstream(registry.upstreamSlot("app"), .opened), 2)
        worker.add(.limit(registry.limitSlot("everyone"), .denied), 4)
        worker.add(.connectionsOpen, 5)

        var status = StubSource.ordinaryStatus()
        status.take(
            registry.snapshot(), routes: ["a", "b", "new"],
            endpoints: [("app", ["127.0.0.1:1"]), ("none", [])],
            limits: ["everyone", "unused"])
        #expect(status.requests == 2)
        #expect(status.connectionsOpen == 5)
        #expect(status.outcomes.map(\.name) == ["gateway.policy", "upstream.connect"])
        #expect(status.routes.map(\.name) == ["a", "b", "new", "-"])
        #expect(status.routes[0].requests == [GatewayStatus.Count(name: "5xx", count: 1)])
        #expect(abs((status.routes[0].p50 ?? 0) - 10) < 1.25)
        #expect(status.routes[1].p50 == nil)
        #expect(status.upstreams.map(\.opened) == [2, 0])
        #expect(
            status.limits == [
                GatewayStatus.Limit(name: "everyone", allowed: 0, denied: 4),
                GatewayStatus.Limit(name: "unused", allowed: 0, denied: 0),
            ])
    }

    @Test func `the process knows its memory and its descriptors`() throws {
        let before = ProcessNumbers.now()
        let resident = try #require(before.residentBytes)
        #expect(resident > 1 << 20)
        guard before.openDescriptors != nil else { return }
        // Other tests open and close their own meanwhile: so many more cannot be theirs.
        let more = (0..<500).map { _ in open("/dev/null", O_RDONLY) }
        defer { for descriptor in more { close(descriptor) } }
        let after = try #require(ProcessNumbers.now().openDescriptors)
        #expect(after > 500)
    }
}
