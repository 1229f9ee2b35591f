import Proxy
import Settings

/// Any text is either settings that can be served with, or told what is wrong with it and where; never
/// both, and never neither.
enum SettingsProperties {
    /// What stands behind `${SECRET}`; nobody may see it.
    private static let secret = "k33p-th1s-0ut-0f-s1ght"
    private static let environment = ["NAME": "app", "PORT": "3000", "EMPTY": "", "SECRET": secret]

    static func check(_ bytes: [UInt8]) throws(Violation) {
        let text = String(decoding: bytes, as: UTF8.self)
        let loaded = GatewaySettings.load(text: text, file: "fuzz.yaml", environment: environment)
        let errors = loaded.diagnostics.filter { $0.severity == .error }
        try hold((loaded.settings == nil) == !errors.isEmpty, "settings beside errors, or neither")
        if !loaded.diagnostics.isEmpty { try checkPlaces(loaded.diagnostics, in: text) }
        try hold(
            loaded.diagnostics == loaded.diagnostics.sorted { $0.mark < $1.mark },
            "diagnostics not in the order of the file")
        if let settings = loaded.settings {
            // Whatever was accepted can be compiled: nothing is left to fail in a worker.
            _ = PlanCompiler(settings, registry: Gateway.registry).plan(for: WorkerShare(index: 0, of: 2))
        }
        let again = GatewaySettings.load(text: text, file: "fuzz.yaml", environment: environment)
        try hold(
            again.settings == loaded.settings && again.diagnostics == loaded.diagnostics,
            "the same text, but another outcome")
    }

    private static func checkPlaces(_ diagnostics: [Diagnostic], in text: String) throws(Violation) {
        let lines = Self.lines(of: text)
        for diagnostic in diagnostics {
            let line = diagnostic.mark.line
            let place = "\(line):\(diagnostic.mark.column): \(diagnostic.message)"
            // What is missing at the end is missing behind the last line.
            try hold(
                line >= 1 && line <= lines.count + 1, "a place outside of \(lines.count) lines: \(place)")
            let width = line <= lines.count ? lines[line - 1] : 0
            try hold(
                diagnostic.mark.column >= 1 && diagnostic.mark.column <= width + 1,
                "a place outside of a line of \(width) columns: \(place)")
            try hold(!diagnostic.message.isEmpty, "no message at \(place)")
            try hold(diagnostic.message.unicodeScalars.count <= 600, "a long message at \(place)")
            try hold(
                diagnostic.excerpt.unicodeScalars.count <= 170, "a long line is quoted whole at \(place)")
            try hold(
                !diagnostic.description.unicodeScalars.contains {
                    $0.value < 0x20 && $0 != "\n" && $0 != "\t"
                },
                "a control character in \(diagnostic.description.debugDescription)")
        }
    }

    /// Columns of each line, cut where YAML cuts lines.
    private static func lines(of text: String) -> [Int] {
        var lines: [Int] = []
        var width = 0
        var follows: Unicode.Scalar?
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\n" where follows == "\r": break
            case "\n", "\r", "\u{85}", "\u{2028}", "\u{2029}":
                lines.append(width)
                width = 0
            default: width += 1
            }
            follows = scalar
        }
        lines.append(width)
        return lines
    }
}
