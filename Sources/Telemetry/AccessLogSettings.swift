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
