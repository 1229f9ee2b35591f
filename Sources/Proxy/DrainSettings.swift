import Settings

/// How the gateway ends.
package struct DrainSettings: Equatable, Sendable {
    /// Readiness is off and connections are still accepted, so that whoever balances the load notices first.
    package var announce: Duration = .seconds(2)
    /// The whole drain, `announce` included; what still runs then is cut.
    package var deadline: Duration = .seconds(30)

    package init() {}
}
