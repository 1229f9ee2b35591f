import Bytes
import HTTPModel
import Pipeline

/// Routing as the settings' reference words it: every route is tried, and of those that match the greatest
/// wins. Slow, and plain enough to be believed.
struct RouteReference {
    struct Route {
        var name: String
        var path: PathPattern
        var hosts: [HostPattern] = []
        var methods: [String] = []
        var fields: [(name: String, value: String)] = []
    }

    let routes: [Route]

    /// As `find` names what a table finds.
    func find(method: String, host: String, path: String, fields: [(name: String, value: String)]) -> String {
        let kept = lookUp(method, host, path, fields, dropsParameters: false)
        guard !kept.hasPrefix("!"), path.contains(";") else { return word(kept) }
        let dropped = lookUp(method, host, path, fields, dropsParameters: true)
        switch dropped {
        case kept, "!not found", "!unknown host": return kept
        default: return "ambiguous"
        }
    }

    private func word(_ found: String) -> String { found.hasPrefix("!") ? String(found.dropFirst()) : found }

    private func lookUp(
        _ method: String, _ host: String, _ path: String, _ fields: [(name: String, value: String)],
        dropsParameters: Bool
    ) -> String {
        let segments = path.dropFirst().split(separator: "/", omittingEmptySubsequences: false).map(
            String.init)
        var hosts: [HostPattern?] = [.exact(host)]
        var rest = Substring(host)
        while let dot = rest.firstIndex(of: ".") {
            rest = rest[rest.index(after: dot)...]
            hosts.append(.subdomains(of: String(rest)))
        }
        hosts.append(nil)
        var result = "!unknown host"
        for pattern in hosts {
            let group = routes.filter { pattern.map($0.hosts.contains) ?? $0.hosts.isEmpty }
            guard !group.isEmpty else { continue }
            if result == "!unknown host" { result = "!not found" }
            let matching = group.enumerated().compactMap { place, route in
                ranks(of: route.path, segments, dropsParameters).map { (place, route, $0) }
            }.filter { _, route, _ in
                route.fields.allSatisfy { wanted in fields.contains { $0 == wanted } }
            }.sorted { left, right in
                let first = left.2 + [left.1.methods.isEmpty ? 0 : 1, left.1.fields.count]
                let second = right.2 + [right.1.methods.isEmpty ? 0 : 1, right.1.fields.count]
                return first == second ? left.0 < right.0 : second.lexicographicallyPrecedes(first)
            }
            if let found = matching.first(where: { takes($0.1, method) }) { return found.1.name }
            if !matching.isEmpty { result = "!no method" }
        }
        return result
    }

    private func takes(_ route: Route, _ method: String) -> Bool {
        route.methods.isEmpty || route.methods.contains(method)
            || method == "HEAD" && route.methods.contains("GET")
    }

    /// How each segment matches, left to right: a literal 3, a placeholder 2, the end 1, the rest 0. Nil
    /// where the path does not match.
    private func ranks(of pattern: PathPattern, _ path: [String], _ dropsParameters: Bool) -> [Int]? {
        let (wanted, takesRest) =
            switch pattern {
            case .exact(let text): (Self.segments(text), false)
            case .prefix(let text): (Self.segments(text), true)
            case .segments(let segments): (segments.filter { $0 != .rest }, segments.last == .rest)
            }
        guard takesRest ? path.count >= wanted.count : path.count == wanted.count else { return nil }
        var ranks: [Int] = []
        for (want, have) in zip(wanted, path) {
            switch want {
            case .literal(let text):
                guard have == text || dropsParameters && bare(have) == bare(text) else { return nil }
                ranks.append(3)
            case .any:
                guard !have.isEmpty else { return nil }
                ranks.append(2)
            case .rest: return nil
            }
        }
        return ranks + [takesRest ? 0 : 1]
    }

    private func bare(_ segment: String) -> String { String(segment.prefix { $0 != ";" }) }

    private static func segments(_ path: String) -> [PathPattern.Segment] {
        guard !path.isEmpty else { return [] }
        return path.dropFirst().split(separator: "/", omittingEmptySubsequences: false).map {
            .literal(String($0))
        }
    }
}
