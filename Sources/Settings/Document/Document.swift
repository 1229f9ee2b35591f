/// One YAML file, parsed as far as YAML goes.
struct Document {
    /// Bounds on what a file may hold. Settings of thousands of routes stay far below them.
    enum Limit {
        /// Bytes of a file.
        static let bytes = 2 << 20
        /// Nodes, each counted as often as aliases repeat it.
        static let nodes = 200_000
        /// Maps and lists inside each other.
        static let depth = 32
        /// Problems reported of one file.
        static let problems = 100
    }

    /// Something that YAML itself, or a bound, refuses.
    struct Problem: Equatable {
        var mark: Mark
        var message: String
    }

    private(set) var root: DocumentNode?
    private(set) var problems: [Problem] = []

    init(_ text: String) {
        guard text.utf8.count <= Limit.bytes else {
            problems = [Problem(mark: Mark(line: 1, column: 1), message: "the file is larger than 2 MiB")]
            return
        }
        var composer = DocumentComposer(text)
        do throws(YAMLError) {
            root = try composer.document()
            problems = composer.problems
        } catch {
            problems = composer.problems + [Self.problem(from: error, text: text)]
        }
        if composer.hasTooManyNodes {
            root = nil
            problems = [
                Problem(
                    mark: Mark(line: 1, column: 1),
                    message: "aliases repeat the file's parts more than \(Limit.nodes) times")
            ]
        }
    }
}
