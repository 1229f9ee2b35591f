/// What happens to a request before it is forwarded, in this order. The order is a security property: it is
/// code, not configuration, and cheap refusals come first.
package enum Stage: UInt8, CaseIterable, Sendable {
    /// Who asks: the peer, or the rightmost address that trusted proxies name.
    case clientAddress
    /// The request's id and its trace, taken over or begun.
    case requestID
    /// Clients of a listener that only redirects go to https.
    case secureRedirect
    /// The route, by host, path, method and headers. Everything behind this stage is the route's own.
    case route
    /// What browsers ask before a request of another origin (CORS).
    case preflight
    /// The lists of addresses that are served or refused, the gateway's and the route's.
    case addressList
    /// The route's limits that need no identity.
    case rateLimit
    /// The route's limit on the body's length, as far as the head tells it.
    case bodyLimit
    /// Who asks, and whether the route is for them. Behind the limits by address: nothing hostile gets to
    /// have a signature checked as often as it likes.
    case authentication
    /// The route's limits by user, key, plan or claim, together with those that were only looked at before.
    case userRateLimit
    /// Routes whose requests are signed. Behind whatever is cheaper: the body is held for it.
    case signature
    /// Requests with an Idempotency-Key: one of each is let through, the others get its answer. Behind
    /// whatever tells who asks, or somebody else might get it.
    case idempotency
    /// Routes that the gateway answers itself.
    case fixedAnswer

    package static let first = Stage.clientAddress

    /// The stage behind this one; nil behind the last.
    package var next: Stage? { Stage(rawValue: rawValue &+ 1) }

    /// Whether a refusal here comes when limits were looked at and not taken yet.
    package var isBetweenLimits: Bool {
        switch self {
        case .bodyLimit, .authentication, .userRateLimit: true
        case .clientAddress, .requestID, .secureRedirect, .route, .preflight, .addressList, .rateLimit,
            .signature, .idempotency, .fixedAnswer:
            false
        }
    }

    /// What README's table says of it.
    package var summary: StaticString {
        switch self {
        case .clientAddress:
            "The client's address: the peer, or the rightmost untrusted address of X-Forwarded-For"
        case .requestID: "X-Request-Id and traceparent, taken over or begun"
        case .secureRedirect: "Listeners with `redirect`: the same address by https; 308"
        case .route: "Host, path, method and headers choose the route; 404, 405, 421"
        case .preflight: "CORS: what browsers ask before a request, answered at once; 204, 403"
        case .addressList: "Lists of addresses that are served or refused; 403"
        case .rateLimit: "Limits by address, header or cookie; 429"
        case .bodyLimit: "A Content-Length above the route's limit; 413"
        case .authentication: "Routes with `auth`: tokens, scopes, roles; 401, 403, 503"
        case .userRateLimit: "Limits by user, API key, plan or claim, and calls of a batch; 400, 429, 503"
        case .signature:
            "Routes with `signed`: time, HMAC of the request and its body, nonce; 401, 408, 413, 503"
        case .idempotency: "Routes with `idempotency`: a key's first request goes on; 400, 409, 413, 422, 503"
        case .fixedAnswer: "Routes with `respond`: the gateway's own answer"
        }
    }
}

/// What happens to an answer on its way to the client, in this order.
package enum ResponseStage: UInt8, CaseIterable, Sendable {
    /// Hop-by-hop fields and whatever `Connection` lists end here.
    case hopByHop
    /// Fields that tell about the backend's software are removed.
    case information
    /// Which pages of other origins may read the answer, in place of what the backend says (CORS).
    case cors
    /// Security headers, unless the backend has set its own.
    case securityHeaders
    /// X-Request-Id.
    case requestID
}
