/// Builds nodes from YAML events: follows aliases, applies merge keys, and says of each part that settings
/// cannot use what is wrong, going on behind it.
struct DocumentComposer: ~Copyable {
    /// What an anchor names.
    private struct Anchored {
        var node: DocumentNode
        /// Nodes in it, aliases followed.
        var size: Int
        /// Levels of maps and lists in it.
        var height: Int
    }

    /// A part that was read. `node` is nil where it was refused, which has been reported.
    private struct Part {
        var node: DocumentNode?
        var height: Int
    }

    private(set) var problems: [Document.Problem] = []
    private var reader: YAMLReader
    private var anchors: [String: Anchored] = [:]
    private var nodes = 0

    init(_ text: String) { reader = YAMLReader(text) }

    /// Whether the file, aliases followed, has more nodes than `Document.Limit.nodes`; composing stopped
    /// there.
    var hasTooManyNodes: Bool { nodes > Document.Limit.nodes }

    /// The file's one document, or nil where it holds none.
    mutating func document() throws(YAMLError) -> DocumentNode? {
        var root: DocumentNode?
        var documents = 0
        while !hasTooManyNodes {
            let event = try reader.next()
            switch event.kind {
            case .streamEnd: return root
            case .streamStart, .documentEnd: continue
            case .documentStart:
                documents += 1
                guard documents == 1 else {
                    report(event.mark, "one file holds one document; remove the second \"---\"")
                    return nil
                }
            case .scalar, .alias, .listStart, .listEnd, .mapStart, .mapEnd:
                root = try part(from: event, depth: 0).node
            }
        }
        return nil
    }

    private mutating func report(_ mark: Mark, _ message: String) {
        // A file that is wrong throughout says enough by its first hundred lines.
        guard problems.count < Document.Limit.problems else { return }
        problems.append(Document.Problem(mark: mark, message: message))
    }

    /// The part that begins with `event`, read to its end.
    private mutating func part(from event: YAMLEvent, depth: Int) throws(YAMLError) -> Part {
        let before = nodes
        nodes += 1
        guard !hasTooManyNodes else { return Part(node: nil, height: 0) }
        let part: Part
        switch event.kind {
        case .scalar(let text, let isPlain):
            let scalar = DocumentNode.Scalar(text: text, isPlain: isPlain)
            part = Part(node: DocumentNode(mark: event.mark, content: .scalar(scalar)), height: 0)
        case .alias(let name): part = repeated(name, at: event.mark, depth: depth)
        case .listStart, .mapStart:
            guard depth < Document.Limit.depth else {
                // Libyaml takes time that grows with the square of the depth: it is not asked further.
                throw YAMLError(kind: .depth, mark: event.mark)
            }
            part = try collection(from: event, depth: depth)
        case .streamStart, .streamEnd, .documentStart, .documentEnd, .listEnd, .mapEnd:
            preconditionFailure("no part begins with \(event.kind)")
        }
        if let anchor = event.anchor, let node = part.node {
            anchors[anchor] = Anchored(node: node, size: nodes - before, height: part.height)
        }
        return part
    }

    /// What an alias stands for, in its place. It keeps the places of its parts: what is wrong in it is
    /// mended there.
    private mutating func repeated(_ name: String, at mark: Mark, depth: Int) -> Part {
        guard let anchored = anchors[name] else {
            report(mark, Document.noAnchor)
            return Part(node: nil, height: 0)
        }
        nodes += anchored.size - 1
        guard depth + anchored.height <= Document.Limit.depth else {
            report(mark, "nested deeper than \(Document.Limit.depth) levels")
            return Part(node: nil, height: 0)
        }
        return Part(node: anchored.node, height: anchored.height)
    }

    private mutating func collection(from event: YAMLEvent, depth: Int) throws(YAMLError) -> Part {
        guard case .mapStart = event.kind else {
            var items: [DocumentNode] = []
            var height = 0
            while let item = try nextPart(depth: depth + 1) {
                height = max(height, item.height)
                if let node = item.node { items.append(node) }
            }
            return Part(node: DocumentNode(mark: event.mark, content: .list(items)), height: height + 1)
        }
        var map = MapInProgress()
        var height = 0
        while let key = try nextPart(depth: depth + 1), let value = try nextPart(depth: depth + 1) {
            height = max(height, value.height)
            add(key, value, to: &map)
        }
        return Part(node: DocumentNode(mark: event.mark, content: .map(map.entries)), height: height + 1)
    }

    /// The next part of the collection being read; nil at its end, or where the file has too many nodes.
    private mutating func nextPart(depth: Int) throws(YAMLError) -> Part? {
        guard !hasTooManyNodes else { return nil }
        let event = try reader.next()
        switch event.kind {
        case .listEnd, .mapEnd: return nil
        case .scalar, .alias, .listStart, .mapStart: return try part(from: event, depth: depth)
        case .streamStart, .streamEnd, .documentStart, .documentEnd:
            preconditionFailure("a collection has an end of its own")
        }
    }

    private mutating func add(_ key: Part, _ value: Part, to map: inout MapInProgress) {
        guard let keyNode = key.node else { return }
        guard case .scalar(let word) = keyNode.content else {
            report(keyNode.mark, "a key must be a word, not a list or map")
            return
        }
        guard let node = value.node else { return }
        if word.text == "<<", word.isPlain {
            guard let merged = Self.merged(node) else {
                report(keyNode.mark, "<< takes an alias of a map, or a list of them")
                return
            }
            map.merge(merged)
        } else if let first = map.add(DocumentNode.Entry(key: word.text, keyMark: keyNode.mark, value: node))
        {
            report(keyNode.mark, "duplicate key \(word.text.quoted) (first on line \(first.line))")
        }
    }

    /// The entries that a merge key brings in, those of the first map first; nil where it names anything but
    /// maps.
    private static func merged(_ node: DocumentNode) -> [DocumentNode.Entry]? {
        switch node.content {
        case .scalar: return nil
        case .map(let entries): return entries
        case .list(let items):
            var all: [DocumentNode.Entry] = []
            for item in items {
                guard case .map(let entries) = item.content else { return nil }
                all += entries
            }
            return all
        }
    }
}

/// A map while its entries come in. What is written beside `<<` wins over what that brings, and of several
/// merged maps the first (YAML 1.1 merge key).
private struct MapInProgress {
    private var written: [DocumentNode.Entry] = []
    private var merged: [DocumentNode.Entry] = []
    private var marks: [String: Mark] = [:]

    /// Takes an entry, unless its key is there already: then its first place is the result.
    mutating func add(_ entry: DocumentNode.Entry) -> Mark? {
        if let first = marks[entry.key] { return first }
        marks[entry.key] = entry.keyMark
        written.append(entry)
        return nil
    }

    mutating func merge(_ entries: [DocumentNode.Entry]) { merged += entries }

    var entries: [DocumentNode.Entry] {
        guard !merged.isEmpty else { return written }
        var seen = Set(written.map(\.key))
        return written + merged.filter { seen.insert($0.key).inserted }
    }
}
