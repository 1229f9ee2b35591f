import Time

/// One key set at one moment, for operators.
package struct KeySetStatus: Equatable, Sendable {
    package enum State: String, CaseIterable, Sendable {
        /// There has been none: tokens of this issuer are answered with 503.
        case never
        case fresh
        /// It could not be renewed in time, and is used all the same.
        case stale
    }

    package var name: String
    /// URL without its query, or a file's path.
    package var place: String
    package var state: State
    package var keys: Int
    /// Since the last success; nil where there was none.
    package var age: Duration?
    /// Sets that were got, and attempts that failed.
    package var fetched: UInt64
    package var failed: UInt64
    package var lastSuccess: WallTime?
    /// Why the last attempt failed; nil where it did not.
    package var reason: String?

    package init(
        name: String, place: String, state: State, keys: Int = 0, age: Duration? = nil, fetched: UInt64 = 0,
        failed: UInt64 = 0, lastSuccess: WallTime? = nil, reason: String? = nil
    ) {
        self.name = name
        self.place = place
        self.state = state
        self.keys = keys
        self.age = age
        self.fetched = fetched
        self.failed = failed
        self.lastSuccess = lastSuccess
        self.reason = reason
    }
}
