import Bytes
import HTTPModel

/// Normalises the path once and finds the route. Match, limits, log and upstream all see this one path
/// (security.md 9).
package struct RouteFilter: Sendable {
    package let table: RouteTable

    /// The policy where no route is found.
    package let cors: CORSPolicy?

    package init(table: RouteTable, cors: CORSPolicy? = nil) {
        self.table = table
        self.cors = cors
    }

    /// - Parameter isReady: What `/readyz` answers: false while the gateway drains.
    package func decide(_ exchange: inout ExchangeState, isReady: Bool) -> Verdict {
        if exchange.head.form == .asterisk { return .respond(RouteFilter.serverOptions) }
        do throws(PathError) {
            try exchange.normalisePath()
        } catch {
            return .respond(LocalResponse(status: 400, title: "Bad request", detail: error.detail))
        }
        if let own = ownAnswer(exchange, isReady: isReady) { return .respond(own) }

        var isUnrouted = false
        if let method = Preflight.method(in: exchange.head) {
            if let plan = announcedRoute(&exchange, methodAt: method) {
                // A route without a policy sees an OPTIONS request like any other.
                if plan.cors != nil {
                    exchange.plan = plan
                    return .next
                }
            } else {
                isUnrouted = true
            }
        }
        let match = table.match(exchange.head, path: exchange.path)
        // The request itself will be refused in words that the page can read.
        if isUnrouted, let cors, !match.isFound {
            return .respond(PreflightFilter.answer(to: exchange, cors))
        }
        switch match {
        case .found(let plan):
            exchange.plan = plan
            return .next
        case .methodNotAllowed(let allow):
            return .respond(
                LocalResponse(
                    status: 405, title: "Method not allowed",
                    detail: "The path exists, but not with this method. Allow lists those that it takes.",
                    allow: allow))
        case .notFound:
            return .respond(
                LocalResponse(
                    status: 404, title: "Not found", detail: "No route of this gateway leads to this path."))
        case .ambiguousParameters:
            return .respond(
                LocalResponse(
                    status: 400, title: "Bad request",
                    detail: "The path's parameters hide a path that another route serves."))
        case .unknownHost:
            return .respond(
                LocalResponse(
                    status: 421, title: "Misdirected request",
                    detail: "This gateway does not speak for the host that was asked for."))
        }
    }

    /// The route of the request that a preflight announces.
    private func announcedRoute(_ exchange: inout ExchangeState, methodAt method: Int) -> RoutePlan? {
        var found: RoutePlan?
        let path = exchange.path
        exchange.head.asking(methodAt: method) { head in
            if case .found(let plan) = table.match(head, path: path) { found = plan }
        }
        return found
    }

    /// `/healthz` and `/readyz` are the gateway's own on every host (R6).
    private func ownAnswer(_ exchange: borrowing ExchangeState, isReady: Bool) -> LocalResponse? {
        guard exchange.head.method == .get || exchange.head.method == .head else { return nil }
        if exchange.path.equals("/healthz") { return .health(status: 200) }
        if exchange.path.equals("/readyz") { return .health(status: isReady ? 200 : 503) }
        return nil
    }

    /// `OPTIONS *` asks about the server as a whole (RFC 9110 §9.3.7), and that is the gateway.
    private static let serverOptions = LocalResponse(
        status: 204, title: "", detail: "",
        allow: FixedBody(text: "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"))
}

extension RouteMatch {
    fileprivate var isFound: Bool { if case .found = self { true } else { false } }
}
