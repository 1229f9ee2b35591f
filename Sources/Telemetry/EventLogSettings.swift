import Settings

/// The log of what happens to the gateway itself, on standard error.
package struct EventLogSettings: Equatable, Sendable {
    package enum Level: String, CaseIterable, Comparable, Sendable {
        case debug, info, notice, warning, error

        package static func < (left: Level, right: Level) -> Bool { left.rank < right.rank }

        private var rank: Int {
            switch self {
            case .debug: 0
            case .info: 1
            case .notice: 2
            case .warning: 3
            case .error: 4
            }
        }
    }

    package enum Format: String, CaseIterable, Sendable { case text, json }

    package var level: Level = .info
    package var format: Format = .text

    package init() {}
}

extension EventLogSettings {
    package static let section = Section(
        "The log of what happens to the gateway itself, on standard error.",
        initial: EventLogSettings(),
        fields: [
            Field(
                "level", \.level, .choice, reload: .restart, "The least important events that are written.",
                example: "warning"),
            Field(
                "format", \.format, .choice, reload: .restart, "Lines for people or for machines.",
                example: "json"),
        ])
}

extension EventLog {
    /// A log to standard error as settings want it.
    package convenience init(_ settings: EventLogSettings) {
        let format: Format =
            switch settings.format {
            case .text: .text
            case .json: .json
            }
        let level: Level =
            switch settings.level {
            case .debug: .debug
            case .info, .notice: .info
            case .warning: .warning
            case .error: .error
            }
        self.init(format: format, level: level)
    }
}
