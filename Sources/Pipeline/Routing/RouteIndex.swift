import Bytes
import HTTPModel
import Telemetry

/// The path trees of all hosts as requests are looked up in them: numbers in a few arrays and all names in
/// one text, so that a look-up counts no reference. The literals of all nodes stand in one hashed table,
/// whose cost does not grow with the number of routes.
struct RouteIndex: Sendable {
    /// Whether parameters are a part of a segment's name.
    enum Parameters { case kept, dropped }

    /// Where a look-up ended.
    enum Match {
        /// An entry, by its place in `entries`.
        case found(Int)
        /// The path is known, but not with this method: place in `allows`.
        case methodNotAllowed(Int)
        case notFound
    }

    /// Routes with one path, the ones with more conditions first.
    private struct Candidates {
        var first: Int32 = 0
        var end: Int32 = 0
        /// Place in `allows`.
        var allow: Int32 = -1
    }

    private struct Node {
        /// Child for any one segment that is not empty; -1 for none.
        var any: Int32 = -1
        /// Routes whose path ends here.
        var exact = Candidates()
        /// Routes that take this path and everything below.
        var below = Candidates()
        /// Literals of this node that name parameters themselves, in `parameterised`.
        var firstParameterised: Int32 = 0
        var endParameterised: Int32 = 0
    }

    /// A literal segment below a node.
    private struct Edge {
        /// -1 is an empty place.
        var parent: Int32 = -1
        var child: Int32 = 0
        /// The segment in `names`.
        var start: Int32 = 0
        var end: Int32 = 0
    }

    private struct Candidate {
        var entry: Int32
        /// `MethodSet.mask`
        var methods: UInt16
        var hasOtherMethods: Bool
        var hasFields: Bool
    }

    private var nodes: [Node] = []
    /// Open-addressed, at most half full; the count is a power of two.
    private var edges: [Edge] = []
    /// 64 less the bits of a place.
    private let homeShift: UInt64
    private var parameterised: [Edge] = []
    private var candidates: [Candidate] = []
    private let names: PinnedText
    private(set) var entries: [RouteTable.Entry] = []
    private(set) var allows: [FixedBody] = []
    /// Of each tree, in the order given.
    private(set) var roots: [Int] = []

    /// - Parameter trees: Sealed.
    init(_ trees: [PathTree]) {
        let literals = trees.reduce(0) { $0 + $1.nodes.reduce(0) { $0 + $1.literals.count } }
        var places = 2
        while places < literals * 2 { places *= 2 }
        edges = Array(repeating: Edge(), count: places)
        homeShift = UInt64(64 - places.trailingZeroBitCount)
        let texts = trees.flatMap(\.nodes).flatMap(\.literals).map(\.segment)
        names = PinnedText(bytes: Array(texts.joined()))
        var written = 0
        for tree in trees {
            let root = nodes.count
            roots.append(root)
            for node in tree.nodes {
                append(node, root: root, written: &written)
            }
        }
    }

    private mutating func append(_ node: PathTree.Node, root: Int, written: inout Int) {
        var flat = Node()
        flat.any = node.any.map { Int32(root + $0) } ?? -1
        flat.exact = append(node.exact)
        flat.below = append(node.below)
        flat.firstParameterised = Int32(parameterised.count)
        for literal in node.literals {
            let edge = Edge(
                parent: Int32(nodes.count), child: Int32(root + literal.child), start: Int32(written),
                end: Int32(written + literal.segment.count))
            written += literal.segment.count
            let name = names.view.slice(Int(edge.start), Int(edge.end))
            var place = home(name.run(from: 0, to: 0x2F, seed: RouteIndex.seed(of: nodes.count)).hash)
            while edges[place].parent >= 0 { place = (place + 1) & (edges.count - 1) }
            edges[place] = edge
            if PathParameters.removed(from: name).count < name.count { parameterised.append(edge) }
        }
        flat.endParameterised = Int32(parameterised.count)
        nodes.append(flat)
    }

    private mutating func append(_ routes: PathTree.Candidates) -> Candidates {
        var flat = Candidates(first: Int32(candidates.count), end: Int32(candidates.count))
        for entry in routes.entries {
            candidates.append(
                Candidate(
                    entry: Int32(entries.count), methods: entry.methods.mask,
                    hasOtherMethods: entry.methods.hasOthers, hasFields: !entry.fields.isEmpty))
            entries.append(entry)
        }
        flat.end = Int32(candidates.count)
        if let allow = routes.allow {
            flat.allow = Int32(allows.count)
            allows.append(allow)
        }
        return flat
    }

    func match(_ head: borrowing RequestHead, path: ByteView, _ parameters: Parameters, root: Int) -> Match {
        var allow = -1
        let entry = find(head, path, parameters, from: 0, node: root, allow: &allow)
        if entry >= 0 { return .found(entry) }
        return allow >= 0 ? .methodNotAllowed(allow) : .notFound
    }

    /// Literal segments before any, deeper matches before prefixes. Each node is looked at at most once, for
    /// only one way leads to it.
    ///
    /// - Returns: -1 for none, here and below: an optional of each step would cost as much as the step.
    private func find(
        _ head: borrowing RequestHead, _ path: ByteView, _ parameters: Parameters, from: Int, node: Int,
        allow: inout Int
    ) -> Int {
        guard from < path.count else {
            let entry = first(of: nodes[node].exact, head, allow: &allow)
            return entry >= 0 ? entry : first(of: nodes[node].below, head, allow: &allow)
        }
        // `from` stands at a slash.
        let (end, hash) = path.run(from: from + 1, to: 0x2F, seed: RouteIndex.seed(of: node))
        let segment = path.slice(from + 1, end)
        let child =
            parameters == .kept ? child(of: node, segment, hash: hash) : bareChild(of: node, segment)
        if child >= 0 {
            let entry = find(head, path, parameters, from: end, node: child, allow: &allow)
            if entry >= 0 { return entry }
        }
        let any = Int(nodes[node].any)
        if any >= 0, !segment.isEmpty {
            let entry = find(head, path, parameters, from: end, node: any, allow: &allow)
            if entry >= 0 { return entry }
        }
        return first(of: nodes[node].below, head, allow: &allow)
    }

    /// The first route whose conditions hold; -1 for none.
    private func first(of routes: Candidates, _ head: borrowing RequestHead, allow: inout Int) -> Int {
        var isOnlyMethod = false
        var index = Int(routes.first)
        while index < routes.end {
            let candidate = candidates[index]
            index += 1
            if candidate.hasFields, !holdsFields(of: Int(candidate.entry), head) { continue }
            if candidate.methods >> UInt16(head.method.rawValue) & 1 == 1 { return Int(candidate.entry) }
            if candidate.hasOtherMethods, takesMethod(Int(candidate.entry), head) {
                return Int(candidate.entry)
            }
            isOnlyMethod = true
        }
        if isOnlyMethod, allow < 0 { allow = Int(routes.allow) }
        return -1
    }

    @inline(never)
    private func holdsFields(of entry: Int, _ head: borrowing RequestHead) -> Bool {
        for condition in entries[entry].fields where !condition.holds(in: head) { return false }
        return true
    }

    @inline(never)
    private func takesMethod(_ entry: Int, _ head: borrowing RequestHead) -> Bool {
        entries[entry].methods.contains(head.method, head.methodBytes)
    }

    private static func seed(of node: Int) -> UInt64 {
        UInt64(truncatingIfNeeded: node) &* 0xD6E8_FEB8_6659_FD93
    }

    /// - Parameter hash: of the segment, which holds no slash.
    private func child(of node: Int, _ segment: ByteView, hash: UInt64) -> Int {
        var place = home(hash)
        while edges[place].parent >= 0 {
            let edge = edges[place]
            if edge.parent == node, names.view.slice(Int(edge.start), Int(edge.end)).equals(segment) {
                return Int(edge.child)
            }
            place = (place + 1) & (edges.count - 1)
        }
        return -1
    }

    /// By the hash's high bits: only they depend on all bytes of a short segment.
    private func home(_ hash: UInt64) -> Int { Int(truncatingIfNeeded: hash >> homeShift) }

    /// The child for a segment as a server sees it that drops parameters.
    private func bareChild(of node: Int, _ segment: ByteView) -> Int {
        let name = PathParameters.removed(from: segment)
        let hash = name.run(from: 0, to: 0x2F, seed: RouteIndex.seed(of: node)).hash
        let child = child(of: node, name, hash: hash)
        return child >= 0 ? child : parameterisedChild(of: node, name)
    }

    /// A route that names parameters itself is still the one for a path without them.
    private func parameterisedChild(of node: Int, _ name: ByteView) -> Int {
        for index in Int(nodes[node].firstParameterised)..<Int(nodes[node].endParameterised) {
            let edge = parameterised[index]
            let literal = names.view.slice(Int(edge.start), Int(edge.end))
            if PathParameters.removed(from: literal).equals(name) { return Int(edge.child) }
        }
        return -1
    }
}
