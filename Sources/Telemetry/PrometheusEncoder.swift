/// Writes metrics as Prometheus reads them: text exposition format 0.0.4.
///
/// `floodgate(_:)` writes what the workers counted; whoever serves the page adds families of the process by
/// `family` and `sample` before it takes `text`.
package struct PrometheusEncoder {
    /// Value of the Content-Type field.
    package static let contentType: StaticString = "text/plain; version=0.0.4; charset=utf-8"

    package enum Kind: String, Sendable { case counter, gauge, histogram }

    package typealias Labels = KeyValuePairs<StaticString, String>

    /// Histogram bounds are 2^k µs for these k: 0.256 ms to 67 s. Each is exact, as it bounds a bucket of
    /// ours.
    package static let octaves = 8...26

    /// The page so far.
    package private(set) var text: [UInt8] = []

    /// Name of the family whose samples are being written.
    private var name: StaticString = ""

    package init() { text.reserveCapacity(65_536) }

    /// Begins a family: the samples that follow are of it. Each name comes once.
    package mutating func family(_ name: StaticString, _ kind: Kind, _ help: StaticString) {
        self.name = name
        append("# HELP \(name) \(PrometheusEncoder.escapedHelp("\(help)"))\n")
        append("# TYPE \(name) \(kind.rawValue)\n")
    }

    /// A whole number.
    package mutating func sample(_ value: UInt64, _ labels: Labels = [:]) {
        line("", labels: PrometheusEncoder.text(of: labels), value: String(value))
    }

    /// A gauge that may be below zero.
    package mutating func sample(level: Int, _ labels: Labels = [:]) {
        line("", labels: PrometheusEncoder.text(of: labels), value: String(level))
    }

    /// A number with a fraction.
    package mutating func sample(fraction: Double, _ labels: Labels = [:]) {
        let value = PrometheusEncoder.text(of: fraction)
        line("", labels: PrometheusEncoder.text(of: labels), value: value)
    }

    /// A histogram in seconds.
    package mutating func sample(_ histogram: Histogram, _ labels: Labels = [:]) {
        let text = PrometheusEncoder.text(of: labels)
        let separator = text.isEmpty ? "" : ","
        for octave in PrometheusEncoder.octaves {
            let bound = PrometheusEncoder.seconds(microseconds: 1 << UInt64(octave))
            line(
                "_bucket", labels: "\(text)\(separator)le=\"\(bound)\"",
                value: String(histogram.count(upToPowerOfTwo: octave)))
        }
        let count = String(histogram.count)
        line("_bucket", labels: "\(text)\(separator)le=\"+Inf\"", value: count)
        line("_sum", labels: text, value: PrometheusEncoder.seconds(microseconds: histogram.sum))
        line("_count", labels: text, value: count)
    }

    private mutating func line(_ suffix: StaticString, labels: String, value: String) {
        append(labels.isEmpty ? "\(name)\(suffix) \(value)\n" : "\(name)\(suffix){\(labels)} \(value)\n")
    }

    private mutating func append(_ line: String) { text += line.utf8 }

    private static func text(of labels: Labels) -> String {
        labels.map { "\($0.key)=\"\(escapedLabel($0.value))\"" }.joined(separator: ",")
    }

    private static func text(of number: Double) -> String {
        if number.isNaN { return "NaN" }
        if number.isInfinite { return number < 0 ? "-Inf" : "+Inf" }
        return "\(number)"
    }

    /// Decimal seconds without the rounding of a floating-point division.
    static func seconds(microseconds: UInt64) -> String {
        let fraction = String(microseconds % 1_000_000)
        let digits = String(repeating: "0", count: 6 - fraction.count) + fraction
        return "\(microseconds / 1_000_000).\(digits)"
    }

    private static func escapedLabel(_ value: String) -> String {
        var result = ""
        for character in value.unicodeScalars {
            switch character {
            case "\\": result += "\\\\"
            case "\"": result += "\\\""
            case "\n": result += "\\n"
            default: result.unicodeScalars.append(character)
            }
        }
        return result
    }

    private static func escapedHelp(_ value: String) -> String {
        var result = ""
        for character in value.unicodeScalars {
            switch character {
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            default: result.unicodeScalars.append(character)
            }
        }
        return result
    }
}
