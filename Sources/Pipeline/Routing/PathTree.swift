import Bytes
import HTTPModel

/// The paths of one host as a tree of segments.
struct PathTree: Sendable {
    /// Whether parameters are a part of a segment's name.
    enum Parameters { case kept, dropped }

    private struct Node: Sendable {
        /// By length, then by bytes, once sealed: a node with hundreds of children is searched in halves.
        var literals: [(segment: [UInt8], child: Int)] = []
        /// Child for any one segment that is not empty.
        var any: Int?
        /// Routes whose path ends here.
        var exact = Candidates()
        /// Routes that take this path and everything below.
        var below = Candidates()
    }

    /// Routes with one path, the ones with more conditions first.
    private struct Candidates: Sendable {
        var entries: [RouteTable.Entry] = []
        /// The methods of all of them.
        var allow: FixedBody?

        mutating func seal() {
            // Stable: routes that ask for as much keep their order.
            entries = entries.enumerated().sorted { left, right in
                let (first, second) = (
                    Candidates.conditions(left.element), Candidates.conditions(right.element)
                )
                return first == second ? left.offset < right.offset : first > second
            }.map(\.element)
            guard !entries.isEmpty else { return }
            var seen = Set<String>()
            let tokens = entries.flatMap(\.methods.tokens).filter { seen.insert($0).inserted }
            allow = FixedBody(text: tokens.joined(separator: ", "))
        }

        /// Methods first, then the number of field conditions, of which settings allow far fewer than this.
        private static func conditions(_ entry: RouteTable.Entry) -> Int {
            (entry.methods.isAny ? 0 : 1000) + entry.fields.count
        }

        func match(_ head: borrowing RequestHead, allow found: inout FixedBody?) -> RoutePlan? {
            var isOnlyMethod = false
            // By index: an entry has many parts, each of which a copy would count a reference to.
            for index in entries.indices {
                var holds = true
                for condition in entries[index].fields where !condition.holds(in: head) { holds = false }
                guard holds else { continue }
                if entries[index].methods.contains(head.method, head.methodBytes) {
                    return entries[index].plan
                }
                isOnlyMethod = true
            }
            if isOnlyMethod, found == nil { found = allow }
            return nil
        }
    }

    private var nodes = [Node()]

    mutating func insert(_ entry: RouteTable.Entry) {
        switch entry.path {
        case .exact(let path):
            nodes[descend(PathTree.segments(of: path))].exact.entries.append(entry)
        case .prefix(let path):
            nodes[descend(PathTree.segments(of: path))].below.entries.append(entry)
        case .segments(let segments):
            var node = 0
            for segment in segments {
                switch segment {
                case .literal(let text): node = literalChild(of: node, Array(text.utf8))
                case .any: node = anyChild(of: node)
                case .rest:
                    nodes[node].below.entries.append(entry)
                    return
                }
            }
            nodes[node].exact.entries.append(entry)
        }
    }

    mutating func seal() {
        for index in nodes.indices {
            nodes[index].literals.sort { left, right in
                left.segment.withView { left in right.segment.withView { left.order($0) < 0 } }
            }
            nodes[index].exact.seal()
            nodes[index].below.seal()
        }
    }

    /// `/a/b` is `a`, `b`; `/a/` is `a` and an empty one; `/` is one empty one; an empty path has none.
    private static func segments(of path: String) -> [[UInt8]] {
        guard path.hasPrefix("/") else { return [] }
        return path.utf8.dropFirst().split(separator: 0x2F, omittingEmptySubsequences: false).map(Array.init)
    }

    private mutating func descend(_ segments: [[UInt8]]) -> Int {
        var node = 0
        for segment in segments { node = literalChild(of: node, segment) }
        return node
    }

    private mutating func literalChild(of node: Int, _ segment: [UInt8]) -> Int {
        if let known = nodes[node].literals.first(where: { $0.segment == segment }) { return known.child }
        nodes.append(Node())
        nodes[node].literals.append((segment, nodes.count - 1))
        return nodes.count - 1
    }

    private mutating func anyChild(of node: Int) -> Int {
        if let known = nodes[node].any { return known }
        nodes.append(Node())
        nodes[node].any = nodes.count - 1
        return nodes.count - 1
    }

    func match(_ head: borrowing RequestHead, path: ByteView, _ parameters: Parameters) -> RouteMatch {
        var allow: FixedBody?
        if let plan = find(head, path, parameters, from: 0, node: 0, allow: &allow) { return .found(plan) }
        if let allow { return .methodNotAllowed(allow) }
        return .notFound
    }

    /// Literal segments before any, deeper matches before prefixes. The depth is bounded by the tree's.
    private func find(
        _ head: borrowing RequestHead, _ path: ByteView, _ parameters: Parameters, from: Int, node: Int,
        allow: inout FixedBody?
    ) -> RoutePlan? {
        guard from < path.count else {
            if let plan = nodes[node].exact.match(head, allow: &allow) { return plan }
            return nodes[node].below.match(head, allow: &allow)
        }
        // `from` stands at a slash.
        let end = path.firstIndex(of: 0x2F, from: from + 1) ?? path.count
        let segment = path.slice(from + 1, end)
        if let child = literalChild(of: node, for: segment, parameters),
            let plan = find(head, path, parameters, from: end, node: child, allow: &allow)
        {
            return plan
        }
        if let any = nodes[node].any, !segment.isEmpty,
            let plan = find(head, path, parameters, from: end, node: any, allow: &allow)
        {
            return plan
        }
        return nodes[node].below.match(head, allow: &allow)
    }

    /// Place of a literal among those of a node, in log n steps. By index: a copy of each would cost more
    /// than the comparison.
    private func literalIndex(of node: Int, _ name: ByteView) -> Int? {
        var low = 0
        var high = nodes[node].literals.count
        while low < high {
            let middle = (low + high) / 2
            let order = nodes[node].literals[middle].segment.withView { $0.order(name) }
            if order == 0 { return middle }
            if order < 0 { low = middle + 1 } else { high = middle }
        }
        return nil
    }

    private func literalChild(of node: Int, for segment: ByteView, _ parameters: Parameters) -> Int? {
        let name = parameters == .kept ? segment : PathParameters.removed(from: segment)
        if let index = literalIndex(of: node, name) { return nodes[node].literals[index].child }
        guard parameters == .dropped else { return nil }
        // A route that names parameters itself is still the one for them.
        for index in nodes[node].literals.indices
        where nodes[node].literals[index].segment.withView({ PathParameters.removed(from: $0).equals(name) })
        {
            return nodes[node].literals[index].child
        }
        return nil
    }
}
