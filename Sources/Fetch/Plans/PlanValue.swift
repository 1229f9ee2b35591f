/// What is known of a user's plan.
package enum PlanValue: Equatable, Sendable {
    /// The backend's own word for it.
    case plan([UInt8])
    /// The backend says that the user has none.
    case noPlan
    /// The backend does not say.
    case unknown
}

/// How long what was found is used.
package struct PlanTiming: Hashable, Sendable {
    package var found = Duration.seconds(600)
    /// That a user has no plan: a new one should not have to wait long.
    package var none = Duration.seconds(60)
    /// Pause after a failure for one user, and for all users once the backend has failed often in a row.
    package var failed = Duration.seconds(5)
    /// How long after its end a plan is still better than none, while the backend does not answer.
    package var stale = Duration.seconds(86_400)

    package init() {}

    /// Failures in a row after which only one question a pause is asked.
    static let failuresInARow = 5
}
