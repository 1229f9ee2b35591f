import Addressing
import Pipeline
import Proxy
import Settings
import Telemetry
import Upstream

/// The settings of a gateway of middling size: 100 routes to one upstream, one limit.
enum MiddlingGateway {
    static func plan() -> GatewayPlan {
        var settings = GatewaySettings()
        var limit = RateLimitSettings()
        limit.name = "everyone"
        limit.rate = Rate(100_000_000, per: .seconds(60))
        settings.limits = [limit]
        var upstream = UpstreamSettings()
        upstream.name = "app"
        upstream.servers = [.ip(.loopback, port: 3000)]
        settings.upstreams = [upstream]
        settings.routes =
            [route("/api/orders/{id}", .segments([.literal("api"), .literal("orders"), .any(name: "id")]))]
            + (0..<99).map { route("/api/part\($0)", .prefix("/api/part\($0)")) }
        return PlanCompiler(settings, registry: MetricRegistry()).plan(for: WorkerShare(index: 0, of: 1))
    }

    private static func route(_ name: String, _ path: PathPattern) -> RouteSettings {
        var route = RouteSettings()
        route.name = name
        route.path = path
        route.action = .proxy([RouteSettings.Share(upstream: "app")])
        route.limits = ["everyone"]
        return route
    }
}
