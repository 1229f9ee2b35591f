import Settings

/// The fields that tell browsers what a page may do.
package struct SecurityHeadersSettings: Equatable, Sendable {
    package enum Preset: String, CaseIterable, Sendable {
        /// The fields and values that helmet sends by default.
        case helmet
        case off
    }

    /// What happens to a field that the backend sent itself.
    package enum Override: String, CaseIterable, Sendable { case keep, replace }

    package var preset: Preset = .helmet
    /// Added to the preset, or instead of its value; in the order of the file.
    package var set: [HeaderField] = []
    /// Names of the preset's fields that are not sent, in lower case.
    package var omit: [String] = []
    /// Names of fields removed from backends' answers, in lower case.
    package var remove: [String] = ["server", "x-powered-by"]
    package var override: Override = .keep

    package init() {}
}
