import Settings

/// Which of two routes that both match a request wins: the one with the greater precedence, and between
/// equals the one that stands first in the file.
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
            // Left to right: a literal before a placeholder before the end before the rest. The end or the
            // rest is always reached, so that what follows in the list is compared only between patterns of
            // one form.
            [1]
                + segments.map { segment in
                    switch segment {
                    case .literal: 3
                    case .any: 2
                    case .rest: 0
                    }
                } + (segments.last == .rest ? [] : [1])
        }
    }
}
