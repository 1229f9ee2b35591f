import Bytes
import HTTPModel

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
        let pattern: HostPattern?
        /// Lower case; empty for any host.
        let name: [UInt8]
        var tree: PathTree

        func matches(_ host: ByteView) -> Bool {
            switch pattern {
            case nil: return true
            case .exact: return name.withView { host.equalsIgnoringCase($0) }
            case .subdomains:
                guard host.count > name.count + 1, host[host.count - name.count - 1] == 0x2E else {
                    return false
                }
                return name.withView { host.dropFirst(host.count - name.count).equalsIgnoringCase($0) }
            }
        }
    }

    /// In the order in which they are asked.
    private var groups: [HostGroup] = []

    package init(_ entries: [Entry]) {
        for entry in entries {
            if entry.hosts.isEmpty { insert(entry, for: nil) }
            for host in entry.hosts { insert(entry, for: host) }
        }
        groups.sort { RouteTable.rank($0.pattern) > RouteTable.rank($1.pattern) }
        for index in groups.indices { groups[index].tree.seal() }
    }

    private mutating func insert(_ entry: Entry, for host: HostPattern?) {
        let index: Int
        if let known = groups.firstIndex(where: { $0.pattern == host }) {
            index = known
        } else {
            let name =
                switch host {
                case nil: ""
                case .exact(let name): name
                case .subdomains(let parent): parent
                }
            index = groups.count
            groups.append(HostGroup(pattern: host, name: Array(name.utf8), tree: PathTree()))
        }
        groups[index].tree.insert(entry)
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

    private func find(_ head: borrowing RequestHead, _ path: ByteView, _ parameters: PathTree.Parameters)
        -> RouteMatch
    {
        var host = ByteView.empty
        if let authority = head.authorityBytes {
            host = authority.prefix(Authority.hostEnd(authority) ?? authority.count)
        }
        var best = RouteMatch.unknownHost
        for index in groups.indices where groups[index].matches(host) {
            switch groups[index].tree.match(head, path: path, parameters) {
            case .found(let plan): return .found(plan)
            case .methodNotAllowed(let allow): best = .methodNotAllowed(allow)
            case .notFound:
                if case .unknownHost = best { best = .notFound }
            case .ambiguousParameters, .unknownHost: break
            }
        }
        return best
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
