import Bytes
import HTTPModel
import Telemetry

/// What the table says about a request.
package enum RouteMatch {
    case found(RoutePlan)
    /// The path is known, but not with this method; `Allow` lists those that are.
    case methodNotAllowed(FixedBody)
    case notFound
    /// Another route would be meant by a server that drops the parameters of path segments.
    case ambiguousParameters
    /// No route speaks for this host (RFC 9110 §15.5.20).
    case unknownHost
}

/// All routes, compiled. The most specific wins: first the host (exact, then the longest `*.` pattern, then
/// routes for any host), then the path, segment by segment (a literal, then `{name}`, then the rest), then
/// routes with methods, then those with more field conditions, then the one that stands first.
/// `RoutePrecedence` says the same of settings.
package struct RouteTable: Sendable {
    package struct Entry: Sendable {
        package let plan: RoutePlan
        package let path: PathPattern
        package let hosts: [HostPattern]
        package let methods: MethodSet
        package let fields: [FieldCondition]

        package init(
            plan: RoutePlan, path: PathPattern, hosts: [HostPattern], methods: MethodSet,
            fields: [FieldCondition]
        ) {
            self.plan = plan
            self.path = path
            self.hosts = hosts
            self.methods = methods
            self.fields = fields
        }
    }

    private struct HostGroup: Sendable {
        enum Kind { case any, exact, subdomains }

        let kind: Kind
        /// The name in `names`, lower case; empty for any host.
        let start: Int
        let end: Int
        /// Root of its tree.
        let root: Int
    }

    /// In the order in which they are asked.
    private var groups: [HostGroup] = []
    private let names: PinnedText
    private let index: RouteIndex
    /// Whether any route asks for a host: where none does, none is looked at.
    private let asksHosts: Bool

    package init(_ entries: [Entry]) {
        var trees: [HostPattern?: PathTree] = [:]
        var patterns: [HostPattern?] = []
        func insert(_ entry: Entry, for host: HostPattern?) {
            if trees[host] == nil { patterns.append(host) }
            trees[host, default: PathTree()].insert(entry)
        }
        for entry in entries {
            if entry.hosts.isEmpty { insert(entry, for: nil) }
            for host in entry.hosts { insert(entry, for: host) }
        }
        patterns.sort { RouteTable.rank($0) > RouteTable.rank($1) }
        index = RouteIndex(
            patterns.map { pattern in
                var tree = trees[pattern, default: PathTree()]
                tree.seal()
                return tree
            })
        asksHosts = patterns.contains { $0 != nil }
        var bytes: [UInt8] = []
        for (pattern, root) in zip(patterns, index.roots) {
            let (kind, name): (HostGroup.Kind, String) =
                switch pattern {
                case nil: (.any, "")
                case .exact(let name): (.exact, name)
                case .subdomains(let parent): (.subdomains, parent)
                }
            let start = bytes.count
            bytes += Array(name.utf8)
            groups.append(HostGroup(kind: kind, start: start, end: bytes.count, root: root))
        }
        names = PinnedText(bytes: bytes)
    }

    /// Exact hosts before patterns, longer patterns before shorter, any host last.
    private static func rank(_ pattern: HostPattern?) -> Int {
        switch pattern {
        case .exact: .max
        case .subdomains(let parent): 1 + parent.utf8.count
        case nil: 0
        }
    }

    /// Finds the route for a request whose path is normalised.
    ///
    /// A path with parameters is looked up twice, with them and without: where a server that drops them would
    /// be asked by another route, that route's rules must not be got around (`/admin;x/users`).
    package func match(_ head: borrowing RequestHead, path: ByteView) -> RouteMatch {
        let match = find(head, path, .kept)
        guard case .found(let plan) = match, PathParameters.occur(in: path) else { return match }
        switch find(head, path, .dropped) {
        case .found(let other): return other === plan ? match : .ambiguousParameters
        case .methodNotAllowed, .ambiguousParameters: return .ambiguousParameters
        case .notFound, .unknownHost: return match
        }
    }

    private func find(_ head: borrowing RequestHead, _ path: ByteView, _ parameters: RouteIndex.Parameters)
        -> RouteMatch
    {
        var host = ByteView.empty
        if asksHosts, let authority = head.authorityBytes {
            host = authority.prefix(Authority.hostEnd(authority) ?? authority.count)
        }
        var allow: Int?
        var isKnownHost = false
        for place in groups.indices {
            let group = groups[place]
            guard matches(group, host) else { continue }
            isKnownHost = true
            switch index.match(head, path: path, parameters, root: group.root) {
            case .found(let entry): return .found(index.entries[entry].plan)
            case .methodNotAllowed(let found): allow = found
            case .notFound: break
            }
        }
        if let allow { return .methodNotAllowed(index.allows[allow]) }
        return isKnownHost ? .notFound : .unknownHost
    }

    private func matches(_ group: HostGroup, _ host: ByteView) -> Bool {
        let length = group.end - group.start
        switch group.kind {
        case .any: return true
        case .exact:
            return host.count == length
                && host.equalsIgnoringCase(names.view.slice(group.start, group.end))
        case .subdomains:
            guard host.count > length + 1, host[host.count - length - 1] == 0x2E else { return false }
            return host.dropFirst(host.count - length)
                .equalsIgnoringCase(names.view.slice(group.start, group.end))
        }
    }
}

/// A request field that a route asks for.
package struct FieldCondition: Sendable {
    /// Lower case.
    package let name: [UInt8]
    package let value: [UInt8]

    package init(name: String, value: String) {
        self.name = Array(name.lowercased().utf8)
        self.value = Array(value.utf8)
    }

    func holds(in head: borrowing RequestHead) -> Bool {
        for index in 0..<head.fields.count {
            let (fieldName, fieldValue) = (head.name(at: index), head.value(at: index))
            guard name.withView({ fieldName.equalsIgnoringCase($0) }) else { continue }
            if value.withView({ fieldValue.equals($0) }) { return true }
        }
        return false
    }
}
