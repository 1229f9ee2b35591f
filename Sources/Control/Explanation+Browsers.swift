import Bytes
import Pipeline
import Proxy
import Settings

// What browsers are told: which pages may read the answers, and what pages may do.
extension Explanation {
    /// The policy of the route, or of the gateway where there is none, and what the request's origin gets.
    ///
    /// - Parameter policy: The same, compiled.
    func describeCORS(
        of route: RouteSettings?, _ policy: CORSPolicy?, origin: ByteView?
    ) -> [String] {
        let cors = route.map(settings.cors(of:)) ?? settings.cors
        guard let cors, let policy else {
            return ["cors           off: it is the backend's to say which pages may read its answers"]
        }
        var lines = ["cors           \(describe(cors, methods: route?.methods ?? []))"]
        guard let origin else { return lines }
        let words =
            switch policy.grant(origin) {
            case .none: "refused: its pages cannot read the answer"
            case .everybody: "allowed: as everybody, without credentials"
            case .named: "allowed: \(cors.credentials ? "with" : "without") credentials"
            case .null: "allowed: as null, \(cors.nullCredentials ? "with" : "without") credentials"
            }
        lines.append("origin         \(words)")
        return lines
    }

    private func describe(_ cors: CORSSettings, methods: [String]) -> String {
        let shown = cors.origins.prefix(5).map(\.text).joined(separator: ", ")
        let rest = cors.origins.count > 5 ? " and \(cors.origins.count - 5) more" : ""
        var parts = [shown + rest]
        if cors.credentials { parts.append("credentials") }
        parts.append("methods " + CORSPolicy.methods(cors, route: methods).joined(separator: ", "))
        switch cors.headers {
        case .any: parts.append("any request fields")
        case .listed(let names): parts.append("request fields " + names.joined(separator: ", "))
        }
        switch cors.exposedHeaders {
        case .any: parts.append("exposes all fields")
        case .listed([]): break
        case .listed(let names): parts.append("exposes " + names.joined(separator: ", "))
        }
        parts.append("preflights hold \(Quantity.text(cors.maxAge))")
        if cors.privateNetwork { parts.append("private network") }
        return parts.joined(separator: "; ")
    }

    func describeSecurityHeaders(of route: RouteSettings) -> String {
        let own = settings.securityHeaders(of: route)
        let count = SecurityHeadersPlan(own).lines.count
        let backend = own.override == .keep ? "kept" : "replaced"
        return "headers        \(own.preset.rawValue), \(count) fields, the backend's own \(backend)"
    }
}
