import Testing

/// Bytes of a test's table, shown on one line with their escapes.
struct WireText: ExpressibleByStringLiteral, CustomTestStringConvertible, Sendable {
    let text: String

    init(text: String) { self.text = text }

    init(stringLiteral text: String) { self.text = text }

    var testDescription: String {
        let shown = text.debugDescription
        return shown.count <= 120 ? shown : "\(shown.prefix(120))... (\(text.utf8.count) bytes)"
    }
}
