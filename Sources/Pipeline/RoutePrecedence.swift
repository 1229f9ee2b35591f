import Settings

/// Which of two routes that both match a request wins: the one with the greater precedence, and between
/// equals the one that stands first in the file.
package struct RoutePrecedence: Comparable, Hashable, Sendable {
    /// Compared number by number: the host, the path's segments, methods, headers.
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
        ranks = [host] + Self.ranks(of: route.path) + [route.methods.isEmpty ? 0 : 1, route.headers.count]
    }

    package static func < (left: RoutePrecedence, right: RoutePrecedence) -> Bool {
        left.ranks.lexicographicallyPrecedes(right.ranks)
    }

    /// Left to right: a literal segment before a placeholder before the end before the rest. The end or the
    /// rest is always reached, so that what follows in the list is compared only between equal paths.
    private static func ranks(of path: PathPattern) -> [Int] {
        switch path {
        case .exact(let path): literals(path) + [1]
        case .prefix(let path): literals(path) + [0]
        case .segments(let segments):
            segments.map { segment in
                switch segment {
                case .literal: 3
                case .any: 2
                case .rest: 0
                }
            } + (segments.last == .rest ? [] : [1])
        }
    }

    private static func literals(_ path: String) -> [Int] {
        Array(repeating: 3, count: path.utf8.count { $0 == 0x2F })
    }
}
