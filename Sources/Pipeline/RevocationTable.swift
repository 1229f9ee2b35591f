import JWT
import Time

/// What has been revoked before its time, as the process knows it.
package protocol RevocationTable {
    /// Moves with every change: what was found good before has to be looked up again.
    var version: UInt64 { get }
    /// Nothing has been revoked: no key need be made to find that out.
    var isEmpty: Bool { get }
    /// Whether one of the keys stands in the table, for a token of this time of issue.
    func revokes(_ keys: RevocationKeys, issuedAt: WallTime?, now: WallTime) -> Bool
}
