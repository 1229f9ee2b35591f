import ArgumentParser

/// What the parts of a request's way cost, each alone and without a socket. A tool of the tree; it is not
/// shipped.
@main
struct Microbench: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Nanoseconds per operation of parsers, stages and tables.",
        discussion: """
            Without names every part is measured. With --rounds a part is carried out so often and nothing is measured: \
            for tools that count instructions and allocations from outside, as the difference of two runs.
            """)

    @Argument(help: "Parts to measure, by name.")
    var names: [String] = []

    @Option(help: "Carry each part out so often, measure nothing.")
    var rounds: Int?

    @Flag(help: "Only name the parts.")
    var list = false

    @Flag(help: "One line of JSON for each part.")
    var json = false

    func validate() throws {
        let known = Part.all.map(\.name)
        for name in names where !known.contains(name) {
            throw ValidationError("no part is named \(name); the parts are \(known.joined(separator: ", "))")
        }
        if let rounds, rounds < 1 { throw ValidationError("rounds: at least 1") }
    }

    func run() {
        let parts = Part.all.filter { names.isEmpty || names.contains($0.name) }
        if list { return parts.forEach { print($0.name) } }
        if let rounds { return parts.forEach { Part.keep($0.run(rounds)) } }
        if !json { print(Measurement.heading) }
        for part in parts {
            let measurement = Measurement(of: part)
            print(json ? measurement.json : measurement.line)
        }
    }
}
