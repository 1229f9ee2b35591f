import Pipeline
import Settings

/// What routes tell browsers: compiled once for all routes that say the same, of which there may be 10,000.
final class BrowserPolicies {
    private let settings: GatewaySettings
    private var origins: [[OriginPattern]: OriginSet] = [:]
    private var policies: [(settings: CORSSettings, methods: [String], policy: CORSPolicy)] = []
    /// Of the whole file.
    let securityHeaders: SecurityHeadersPlan

    /// Policies that are looked through for one that is the same; beyond them a route has its own.
    private static let compared = 64

    init(_ settings: GatewaySettings) {
        self.settings = settings
        securityHeaders = SecurityHeadersPlan(settings.securityHeaders)
    }

    /// Where no route is known.
    var cors: CORSPolicy? { settings.cors.map { policy($0, methods: []) } }

    func cors(of route: RouteSettings) -> CORSPolicy? {
        settings.cors(of: route).map { policy($0, methods: route.methods) }
    }

    func securityHeaders(of route: RouteSettings) -> SecurityHeadersPlan {
        switch route.securityHeaders {
        case .inherited: return securityHeaders
        case .off: return SecurityHeadersPlan(.off)
        case .own(let own):
            return own == settings.securityHeaders ? securityHeaders : SecurityHeadersPlan(own)
        }
    }

    private func policy(_ settings: CORSSettings, methods: [String]) -> CORSPolicy {
        for known in policies where known.methods == methods && known.settings == settings {
            return known.policy
        }
        let set = origins[settings.origins] ?? OriginSet(settings.origins)
        origins[settings.origins] = set
        let policy = CORSPolicy(settings, origins: set, methods: methods)
        if policies.count < Self.compared { policies.append((settings, methods, policy)) }
        return policy
    }
}

extension GatewaySettings {
    /// The policy that holds for a route; nil for none.
    package func cors(of route: RouteSettings) -> CORSSettings? {
        switch route.cors {
        case .inherited: cors
        case .off: nil
        case .own(let own): own
        }
    }

    /// The security headers that hold for a route.
    package func securityHeaders(of route: RouteSettings) -> SecurityHeadersSettings {
        switch route.securityHeaders {
        case .inherited: securityHeaders
        case .off: .off
        case .own(let own): own
        }
    }
}
