import Addressing
import Telemetry

/// Refuses clients by their address (R13): those in the deny list; then, where there is an allow list, those
/// that are not in it.
///
/// One object for each worker: what all of them share is not counted on the way of a request.
package final class AddressListFilter: Sendable {
    private let lists: AddressListSettings.Loaded
    // Into `lists`, which keeps them alive.
    private let allowed: AddressSet.Table?
    private let denied: AddressSet.Table?
    private let allowRule: RuleName
    private let denyRule: RuleName

    /// - Parameter name: What the rules are called by: `addresses`, behind a route's name where they are its
    ///   own.
    package init(_ lists: AddressListSettings.Loaded, name: String) {
        self.lists = lists
        allowed = lists.allowed?.table
        denied = lists.denied?.table
        allowRule = RuleName("\(name).allow", slot: .unnamed)
        denyRule = RuleName("\(name).deny", slot: .unnamed)
    }

    /// What a list said of an address; nil where it is served.
    package enum Refusal: Equatable, Sendable { case denied, notAllowed }

    package func refusal(of address: IPAddress) -> Refusal? {
        if let denied, denied.contains(address) { return .denied }
        if let allowed, !allowed.contains(address) { return .notAllowed }
        return nil
    }

    /// The answer to a refused client, which notes the rule.
    package func answer(_ refusal: Refusal, _ exchange: inout ExchangeState) -> LocalResponse {
        let rule = refusal == .denied ? denyRule : allowRule
        exchange.refusedBy = rule
        return LocalResponse(
            status: 403, title: "Forbidden", detail: "This address is not served here.", rule: rule)
    }
}
