/// Writes metrics as Prometheus reads them: text exposition format 0.0.4.
///
/// `floodgate(_:)` writes what the workers counted; whoever serves the page adds families of the process by `family` and
/// `sample` before it takes `text`.
package struct PrometheusEncoder {
    /// Value of the Content-Type field.
    package static let contentType: StaticString = "text/plain; version=0.0.4; charset=utf-8"

    package enum Kind: String, Sendable { case counter, gauge, histogram }

    package typealias Labels = KeyValuePairs<StaticString, String>

    /// Histogram bounds are 2^k µs for these k: 0.256 ms to 67 s. Each is exact, as it bounds a bucket of ours.
    package static let octaves = 8...26

    /// The page so far.
    package private(set) var text: [UInt8] = []

    package init() { text.reserveCapacity(65_536) }

    /// Begins a family of samples. Each name once, its samples right behind.
    package mutating func family(_ name: StaticString, _ kind: Kind, _ help: StaticString) {
        append("# HELP \(name) \(PrometheusEncoder.escapedHelp("\(help)"))\n")
        append("# TYPE \(name) \(kind.rawValue)\n")
    }

    /// A whole number.
    package mutating func sample(_ name: StaticString, _ labels: Labels = [:], _ value: UInt64) {
        sample(name: "\(name)", labels: PrometheusEncoder.text(of: labels), value: String(value))
    }

    /// A gauge that may be below zero.
    package mutating func sample(_ name: StaticString, _ labels: Labels = [:], level: Int) {
        sample(name: "\(name)", labels: PrometheusEncoder.text(of: labels), value: String(level))
    }

    /// A number with a fraction.
    package mutating func sample(_ name: StaticString, _ labels: Labels = [:], fraction: Double) {
        sample(name: "\(name)", labels: PrometheusEncoder.text(of: labels), value: PrometheusEncoder.text(of: fraction))
    }

    /// A histogram in seconds.
    package mutating func sample(_ name: StaticString, _ labels: Labels = [:], _ histogram: Histogram) {
        let text = PrometheusEncoder.text(of: labels)
        let separator = text.isEmpty ? "" : ","
        for octave in PrometheusEncoder.octaves {
            let bound = PrometheusEncoder.seconds(microseconds: 1 << UInt64(octave))
            sample(
                name: "\(name)_bucket", labels: "\(text)\(separator)le=\"\(bound)\"",
                value: String(histogram.count(upToPowerOfTwo: octave)))
        }
        let count = String(histogram.count)
        sample(name: "\(name)_bucket", labels: "\(text)\(separator)le=\"+Inf\"", value: count)
        sample(name: "\(name)_sum", labels: text, value: PrometheusEncoder.seconds(microseconds: histogram.sum))
        sample(name: "\(name)_count", labels: text, value: count)
    }

    private mutating func sample(name: String, labels: String, value: String) {
        append(labels.isEmpty ? "\(name) \(value)\n" : "\(name){\(labels)} \(value)\n")
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
