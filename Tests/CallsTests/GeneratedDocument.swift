/// A GraphQL document made at random, and the calls that its operations make, which are known from how it was
/// made.
struct GeneratedDocument {
    private(set) var text = ""
    /// Of each operation: what distinct response keys call.
    private(set) var operations: [(name: String, fields: Set<Field>)] = []

    struct Field: Hashable {
        var key: String
        var name: String
    }

    static func calls(_ fields: Set<Field>) -> [String: Int] {
        fields.reduce(into: [:]) { $0[$1.name, default: 0] += 1 }
    }

    private var random: SeededGenerator
    /// Fields and spreads of each fragment.
    private var fragments: [(name: String, fields: Set<Field>, spreads: Set<Int>)] = []

    init(seed: UInt64) {
        random = SeededGenerator(seed: seed)
        let fragmentCount = Int.random(in: 0...6, using: &random)
        fragments = (0..<fragmentCount).map { ("F\($0)", [], []) }
        let operationCount = Int.random(in: 1...3, using: &random)
        var parts = (0..<fragmentCount).map { fragment($0) }
        for index in 0..<operationCount { parts.append(operation(index, isAlone: operationCount == 1)) }
        parts.shuffle(using: &random)
        text = parts.joined(separator: gap())
    }

    private mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &random) < percent }

    private mutating func pick(_ choices: [String]) -> String {
        choices.randomElement(using: &random) ?? ""
    }

    /// What may stand between two tokens, at least one blank of some kind.
    private mutating func gap() -> String {
        pick([
            " ", " ", " ", "\n", "\t", ",", "\r\n", " \u{FEFF} ", "#}{\"\n", "# é \r", ", ,", "\n# ...F\n",
        ])
    }

    private mutating func fragment(_ index: Int) -> String {
        var (fields, spreads): (Set<Field>, Set<Int>) = ([], [])
        let body = selection(&fields, &spreads, depth: 0)
        (fragments[index].fields, fragments[index].spreads) = (fields, spreads)
        let words = ["fragment", fragments[index].name, "on", pick(["Query", "on", "fragment", "T_1"])]
        return words.map { $0 + gap() }.joined() + directives() + body
    }

    private mutating func operation(_ index: Int, isAlone: Bool) -> String {
        var (fields, spreads): (Set<Field>, Set<Int>) = ([], [])
        let body = selection(&fields, &spreads, depth: 0)
        var reached: Set<Int> = []
        var waiting = Array(spreads)
        while let fragment = waiting.popLast() {
            guard reached.insert(fragment).inserted else { continue }
            fields.formUnion(fragments[fragment].fields)
            waiting += fragments[fragment].spreads
        }
        let name = pick(["Get", "query", "on", "A"]) + "\(index)"
        operations.append((name, fields))
        if isAlone, chance(50) { return body }
        let variables = chance(40) ? "(" + gap() + "$x" + gap() + ": [Int!] = " + value(0) + ")" : ""
        return pick(["query", "mutation", "subscription"]) + gap() + name + gap() + variables + directives()
            + body
    }

    private mutating func selection(
        _ fields: inout Set<Field>, _ spreads: inout Set<Int>, depth: Int
    ) -> String {
        var text = "{" + gap()
        for _ in 0..<Int.random(in: 1...4, using: &random) {
            if chance(20), !fragments.isEmpty {
                let index = Int.random(in: 0..<fragments.count, using: &random)
                spreads.insert(index)
                text += "..." + (chance(50) ? gap() : "") + fragments[index].name + gap() + directives()
            } else if chance(20), depth < 4 {
                text += "..." + pick(["", " on Query ", "on\nQuery "]) + directives()
                text += selection(&fields, &spreads, depth: depth + 1) + gap()
            } else {
                let name = pick(["login", "viewer", "on", "query", "fragment", "true", "__typename", "a_1"])
                let key = chance(40) ? pick(["k1", "k2", "k3", "login", "on"]) : name
                fields.insert(Field(key: key, name: name))
                text += (key == name && chance(90) ? "" : key + gap() + ":" + gap()) + name + gap()
                if chance(30) { text += "(x:" + gap() + value(0) + ",y: " + value(0) + ")" + gap() }
                text += directives() + (chance(40) ? nested(0) : "") + gap()
            }
        }
        return text + "}"
    }

    /// Selections that are nobody's root.
    private mutating func nested(_ depth: Int) -> String {
        let first = pick(["login", "x: login", "...F0", "... on T { login }", "login(x: 1)"])
        let inner = depth < 5 && chance(50) ? nested(depth + 1) : ""
        return "{ " + first + gap() + "z" + inner + " }"
    }

    private mutating func directives() -> String {
        chance(25) ? "@skip(if: " + value(0) + ")" + gap() + (chance(20) ? "@d" + gap() : "") : ""
    }

    private mutating func value(_ depth: Int) -> String {
        if depth < 3, chance(20) { return "[" + value(depth + 1) + gap() + value(depth + 1) + "]" }
        if depth < 3, chance(20) { return "{k:" + value(depth + 1) + ",l:" + value(depth + 1) + "}" }
        return pick([
            "1", "-2.5e+10", "0", "true", "null", "ENUM", "$v", "\"\"", "\"}{)(#\\\"\"", "\"é \\u0041\"",
            "\"\"\" } \" \\\"\"\" \n # \"\"\"", "\"\"\"\"\"\"",
        ])
    }
}

/// The same numbers for the same seed (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
