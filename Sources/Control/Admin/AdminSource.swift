import Addressing
import Settings
import Telemetry
import Time

/// What the admin listener shows and does: the gateway, as operators see it. Asked on the admin listener's
/// thread.
package protocol AdminSource: Sendable {
    /// All numbers now.
    func metrics() -> MetricsSnapshot
    /// Whether new requests are welcome: false from the first moment of a drain on.
    var isReady: Bool { get }
    func status() -> GatewayStatus
    /// Reads the settings again and takes them over where they are right. Returns when that is decided;
    /// workers may take the new settings in a moment later.
    func reload() -> ReloadReport
    /// Addresses that are not served now.
    func currentBans() -> [Ban]
    /// Bans an address, or says why not.
    func ban(_ address: IPAddress, lasting: Duration) -> BanChange
    /// Ends a ban; `who` as `currentBans` names it, or an address of it. False where there is none.
    func liftBan(_ who: String) -> Bool
    /// The counters of a limit for one holder, as `explain` names it; where they are reset, as they were
    /// before.
    func counters(
        of limit: String, holder: String, _ action: LimitAction
    ) throws(LimitProblem) -> LimitCounters
}

/// An address that is not served.
package struct Ban: Equatable, Sendable {
    /// `192.0.2.7`, or a block of IPv6.
    package let who: String
    /// The status that it got once too often, or `operator`.
    package let cause: String
    package let expires: WallTime

    package init(who: String, cause: String, expires: WallTime) {
        self.who = who
        self.cause = cause
        self.expires = expires
    }
}

package enum BanChange: Equatable, Sendable {
    case banned(Ban)
    /// A trusted proxy: with it all its clients would be kept out.
    case trusted
    /// `bans.exempt` has it.
    case exempt
    case full
}

/// What came of reading the settings again.
package struct ReloadReport: Sendable {
    /// Whether the new settings hold; false where the old ones were kept.
    package var isApplied: Bool
    /// Number of the settings that hold now: 1 for those of the start, one more for every reload that was
    /// taken over.
    package var generation: Int
    /// Errors and warnings of the file, in its order.
    package var diagnostics: [Diagnostic]
    /// What went wrong outside of the file's text: it cannot be read, a port is in use, a key needs a
    /// restart.
    package var problems: [String]

    package init(isApplied: Bool, generation: Int, diagnostics: [Diagnostic] = [], problems: [String] = []) {
        self.isApplied = isApplied
        self.generation = generation
        self.diagnostics = diagnostics
        self.problems = problems
    }

    /// Everything that stood in the way, a line each.
    package var errors: [String] {
        problems + diagnostics.filter { $0.severity == .error }.map(\.headline)
    }
}
