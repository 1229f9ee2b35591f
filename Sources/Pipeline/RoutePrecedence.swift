import Settings

/// Which of two routes that both match a request wins: the one with the greater precedence, and between equals the one that
/// stands first in the file.
package struct RoutePrecedence: Comparable, Hashable, Sendable {
    /// Compared number by number: the path's kind, how much of it is given, hosts, methods, headers.
    private var ranks: [Int]

    package init(_ route: RouteSettings) {
        let host =
            route.hosts.map { host in
                switch host {
                // Longer names are more specific among wildcards; no name is this long (RFC 1035 §2.3.4).
                case .exact: 1000
                case .subdomains(let name): 1 + name.utf8.count
                }
            }.max() ?? 0
        ranks = Self.ranks(of: route.path) + [host, route.methods.isEmpty ? 0 : 1, route.headers.count]
    }

    package static func < (left: RoutePrecedence, right: RoutePrecedence) -> Bool {
        left.ranks.lexicographicallyPrecedes(right.ranks)
    }

    private static func ranks(of path: PathPattern) -> [Int] {
        switch path {
        case .exact: [2, 0, 0]
        case .prefix(let path): [0, path.utf8.count, 0]
        case .segments(let segments):
            // Left to right: a literal before a placeholder before the rest; base 3, and 40 digits fit an Int.
            [1, digits(segments.prefix(32)), digits(segments.dropFirst(32).prefix(32))]
        }
    }

    private static func digits(_ segments: ArraySlice<PathPattern.Segment>) -> Int {
        var value = 0
        for segment in segments {
            switch segment {
            case .literal: value = value * 3 + 2
            case .any: value = value * 3 + 1
            case .rest: value *= 3
            }
        }
        for _ in segments.count..<32 { value *= 3 }
        return value
    }
}
