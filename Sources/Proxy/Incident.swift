import Addressing
import Telemetry
import TLS

/// What the operator should hear of and no request's line tells. The worker writes it down; whoever drives it
/// logs it, not too often.
package enum Incident {
    case handshakeFailed(IPAddress, TLSFailure)
    case handshakesRefused(IPAddress)
    case connectionsRefused(IPAddress)
    case banned(IPAddress, status: Int)
    case upstreamHandshakeFailed(PinnedText, String, TLSFailure)
    /// A server that should speak HTTP/2 does not.
    case noHTTP2(PinnedText, String)
    /// A server's answer has a head without end.
    case serverFlooded(PinnedText, String)
    /// A client did too much of what costs it nothing.
    case flooded(IPAddress)
    /// Redis answers with an error.
    case storeError(String, advice: StaticString?)
}

extension ProxyCore where Net: ~Copyable {
    /// Incidents that are kept in one turn; what is more is counted by the metrics alone.
    private static var incidentsPerTurn: Int { 8 }

    mutating func note(_ incident: Incident) {
        guard incidents.count < Self.incidentsPerTurn else { return }
        incidents.append(incident)
    }
}
