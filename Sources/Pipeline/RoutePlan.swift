import HTTPModel
import Telemetry

/// A route as compiled from settings: everything that an exchange on it needs, immutable.
package final class RoutePlan: Sendable {
    package enum Target: Sendable {
        /// Upstreams, as indices into the gateway's list, with running sums of their weights.
        case upstreams([Share])
        /// The gateway answers.
        case fixed(FixedAnswer)
    }

    package struct Share: Sendable {
        package let upstream: Int
        /// This share's weight and those of all before it.
        package let upTo: UInt64

        package init(upstream: Int, upTo: UInt64) {
            self.upstream = upstream
            self.upTo = upTo
        }
    }

    package struct FixedAnswer: Sendable {
        package let status: Int
        package let body: FixedBody

        package init(status: Int, body: FixedBody) {
            self.status = status
            self.body = body
        }
    }

    package let name: PinnedText
    /// Where the route counts in the metrics.
    package let slot: RouteSlot
    package let target: Target
    package let addressList: AddressListFilter?
    package let rateLimit: RateLimitFilter?
    package let bodyLimit: BodyLimitFilter?
    /// Nil where nobody is asked who they are.
    package let authentication: AuthenticationFilter?
    /// Nil where requests need no signature.
    package let signature: SignatureFilter?
    /// Nil where keys mean nothing.
    package let idempotency: IdempotencyFilter?
    /// Path that is removed before forwarding, without a slash at its end; empty for none.
    package let stripPrefix: [UInt8]
    /// Whether clients may switch to the WebSocket protocol.
    package let allowsWebSocket: Bool
    /// Instead of the upstream's time to the answer's first byte.
    package let responseTimeout: Duration?
    /// Which pages may read answers; nil leaves that to the backend.
    package let cors: CORSPolicy?
    /// The route's own; nil for those of all routes.
    package let securityHeaders: SecurityHeadersPlan?

    package init(
        name: String, slot: RouteSlot, target: Target, rateLimit: RateLimitFilter?,
        bodyLimit: BodyLimitFilter?, authentication: AuthenticationFilter? = nil,
        signature: SignatureFilter? = nil, idempotency: IdempotencyFilter? = nil,
        stripPrefix: [UInt8], allowsWebSocket: Bool, responseTimeout: Duration?,
        cors: CORSPolicy? = nil, securityHeaders: SecurityHeadersPlan? = nil,
        addressList: AddressListFilter? = nil
    ) {
        self.name = PinnedText(name)
        self.slot = slot
        self.target = target
        self.addressList = addressList
        self.rateLimit = rateLimit
        self.bodyLimit = bodyLimit
        self.authentication = authentication
        self.signature = signature
        self.idempotency = idempotency
        self.stripPrefix = stripPrefix
        self.allowsWebSocket = allowsWebSocket
        self.responseTimeout = responseTimeout
        self.cors = cors
        self.securityHeaders = securityHeaders
    }

    /// Whether requests of both routes go to the same upstreams in the same way.
    package func leads(where other: RoutePlan) -> Bool {
        guard case .upstreams(let shares) = target, case .upstreams(let others) = other.target else {
            return false
        }
        return stripPrefix == other.stripPrefix
            && shares.elementsEqual(others) { $0.upstream == $1.upstream && $0.upTo == $1.upTo }
    }

    /// Whether requests go on to an upstream.
    package var forwards: Bool { if case .upstreams = target { true } else { false } }

    /// The upstream for one request, by weight; nil for routes that answer themselves.
    package func upstream(_ random: inout RandomSource) -> Int? {
        guard case .upstreams(let shares) = target, let last = shares.last else { return nil }
        if shares.count == 1 { return last.upstream }
        let ticket = random.next(upperBound: last.upTo)
        for share in shares where ticket < share.upTo { return share.upstream }
        return last.upstream
    }
}
