/// A field that settings add to a message. The name is a token and the value holds no CR, LF or NUL: both
/// were checked when the file was read.
package struct HeaderField: Hashable, Sendable {
    package var name: String
    package var value: String

    package init(_ name: String, _ value: String) {
        self.name = name
        self.value = value
    }
}

/// The body of an answer that an operator wrote, byte for byte as it is sent.
package enum AnswerBody: Hashable, Sendable {
    /// Sent as `text/plain; charset=utf-8`.
    case text(String)
    /// Valid JSON, sent as `application/json`.
    case json(String)
}
