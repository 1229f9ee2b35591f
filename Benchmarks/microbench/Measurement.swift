import Reactor
import Time

/// Nanoseconds per operation: the median, the least and the greatest of many short batches. Others work on
/// the machine too, and a batch that they interrupt shows in the greatest only.
struct Measurement {
    private let name: String
    private let median: Double
    private let least: Double
    private let greatest: Double

    private static let batches = 51
    /// Nanoseconds that a batch should take, without what it needs to begin.
    private static let batchLength: Int64 = 4_000_000

    init(of part: Part) {
        name = part.name
        // A part builds what it works on first: the time of one round, which is nearly all building, is taken
        // off.
        let building = (0..<21).map { _ in Self.time(part, 1) }.sorted()[10]
        var rounds = 256
        while Self.time(part, rounds) - building < Self.batchLength { rounds *= 2 }
        let times = (0..<Self.batches).map { _ in
            Double(Self.time(part, rounds) - building) / Double(rounds)
        }.sorted()
        median = times[Self.batches / 2]
        least = times[0]
        greatest = times[Self.batches - 1]
    }

    private static func time(_ part: Part, _ rounds: Int) -> Int64 {
        let start = SystemClock.now()
        Part.keep(part.run(rounds))
        return SystemClock.now() - start
    }

    static let heading = row("part", "ns/operation", "least", "greatest")

    var line: String { Self.row(name, Self.text(median), Self.text(least), Self.text(greatest)) }

    var json: String {
        "{\"part\": \"\(name)\", \"median_ns\": \(Self.text(median)), \"least_ns\": \(Self.text(least)), "
            + "\"greatest_ns\": \(Self.text(greatest))}"
    }

    /// With one digit behind the point.
    private static func text(_ value: Double) -> String { "\((value * 10).rounded() / 10)" }

    private static func row(_ name: String, _ cells: String...) -> String {
        cells.reduce(name + String(repeating: " ", count: max(0, 34 - name.count))) { line, cell in
            line + String(repeating: " ", count: max(1, 14 - cell.count)) + cell
        }
    }
}
