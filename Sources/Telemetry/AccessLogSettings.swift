import Settings

/// Where the access log goes and how much of it may wait in memory.
package struct AccessLogSettings: Equatable, Sendable {
    package enum Destination: Hashable, Sendable {
        case off
        case stdout
        /// Opened for appending; opened again on SIGUSR1.
        case file(path: String)
    }

    package var destination: Destination = .stdout
    /// Bytes per worker that wait to be written; lines beyond them are dropped and counted.
    package var buffer = 1 << 20
    /// Longest time that a line waits to be written.
    package var flush: Duration = .milliseconds(500)

    package init() {}
}

extension AccessLogSettings {
    package static let section = Section(
        "One JSON line for each request, written off the request's path.",
        initial: AccessLogSettings(),
        fields: [
            Field(
                "path", \.destination, .accessLogDestination, reload: .restart,
                "Where lines go; a file is opened again on SIGUSR1.", example: "/var/log/floodgate/access.log"
            ),
            Field(
                "buffer", \.buffer, .bytes((16 << 10)...(256 << 20)), reload: .restart,
                "Bytes per worker that may wait to be written; lines beyond them are dropped and counted.",
                example: "4MiB"),
            Field(
                "flush", \.flush, .duration(.milliseconds(10)...(.seconds(60))), reload: .restart,
                "Longest time that a line waits to be written.", example: "1s"),
        ])
}

extension Kind where Value == AccessLogSettings.Destination {
    fileprivate static var accessLogDestination: Kind {
        .scalar("stdout, off or a file's absolute path") { text throws(Refusal) in
            switch text {
            case "stdout": return .stdout
            case "off": return .off
            case _ where text.hasPrefix("/") && !text.utf8.contains(where: { $0 < 0x20 }):
                return .file(path: text)
            default: throw Refusal(suggestion: text.contains("/") ? "/\(text)" : nil)
            }
        } write: {
            switch $0 {
            case .off: "off"
            case .stdout: "stdout"
            case .file(let path): path
            }
        }
    }
}
