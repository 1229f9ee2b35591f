import Bytes
import HTTPModel

/// The paths of one host as a tree of segments, while it grows. `RouteIndex` is what requests are looked up
/// in.
struct PathTree {
    struct Node {
        var literals: [(segment: [UInt8], child: Int)] = []
        /// Child for any one segment that is not empty.
        var any: Int?
        /// Routes whose path ends here.
        var exact = Candidates()
        /// Routes that take this path and everything below.
        var below = Candidates()
    }

    /// Routes with one path, the ones with more conditions first.
    struct Candidates {
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
    }

    private(set) var nodes = [Node()]

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
            // Shorter first, then by their bytes: which of several with parameters is asked for a path
            // without does not depend on the file's order.
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
}
