/// One number that a worker counts: its place among the worker's cells.
///
/// Places are the same in every worker and for the life of the process: names from the settings get slots
/// that are never given to another name (`MetricRegistry`), so a reload moves nothing and no counter goes
/// back.
package struct Metric: Equatable, Sendable {
    @usableFromInline let index: Int

    @inlinable
    init(_ index: Int) { self.index = index }
}

/// Why a connection was closed before it could send anything.
package enum ConnectionRefusal: Int, CaseIterable, Sendable {
    /// The listener has as many connections as it may.
    case connectionLimit
    /// The peer's address has as many connections as it may.
    case addressLimit
    /// The peer's address begins more connections than it may.
    case addressRate
    /// The peer's address is banned.
    case banned
    /// The process is out of descriptors.
    case descriptors
    /// A missing, malformed or untrusted PROXY protocol head.
    case proxyProtocol
    /// The gateway drains.
    case draining

    package var label: StaticString {
        switch self {
        case .connectionLimit: "connection_limit"
        case .addressLimit: "address_limit"
        case .addressRate: "address_rate"
        case .banned: "banned"
        case .descriptors: "descriptors"
        case .proxyProtocol: "proxy_protocol"
        case .draining: "draining"
        }
    }
}

/// What was wrong with a request's head.
package enum HeadFault: Int, CaseIterable, Sendable {
    /// Not HTTP's grammar.
    case malformed
    /// Length and transfer coding that contradict each other or are not canonical.
    case framing
    /// No, several or invalid hosts.
    case host
    /// A path that climbs out of the root or hides what it means.
    case path
    /// Too many or too long fields.
    case fieldsTooLarge
    /// Request line too long.
    case targetTooLong
    /// Not complete in time.
    case timeout
    /// A version that is not spoken here.
    case version
    /// A method that is refused, such as CONNECT.
    case method

    package var label: StaticString {
        switch self {
        case .malformed: "malformed"
        case .framing: "framing"
        case .host: "host"
        case .path: "path"
        case .fieldsTooLarge: "fields_too_large"
        case .targetTooLong: "target_too_long"
        case .timeout: "timeout"
        case .version: "version"
        case .method: "method"
        }
    }
}

/// Why a request was refused for its client's address.
package enum AddressRefusal: Int, CaseIterable, Sendable {
    /// It stands in a deny list.
    case denied
    /// There is an allow list, and it does not stand there.
    case notAllowed
    case banned

    package var label: StaticString {
        switch self {
        case .denied: "deny"
        case .notAllowed: "allow"
        case .banned: "ban"
        }
    }
}

/// What a client was too slow at, once its head was there.
package enum SlowPart: Int, CaseIterable, Sendable {
    /// Sending its request's body.
    case body
    /// Reading its answer.
    case reader

    package var label: StaticString {
        switch self {
        case .body: "body"
        case .reader: "reader"
        }
    }
}

/// What became of a client's TLS handshake.
package enum HandshakeResult: Int, CaseIterable, Sendable {
    case full
    /// An earlier session was taken up again.
    case resumed
    case failed
    /// The client left before it was done.
    case abandoned
    case timeout
    /// The address had begun too many.
    case refused

    package var label: StaticString {
        switch self {
        case .full: "full"
        case .resumed: "resumed"
        case .failed: "failed"
        case .abandoned: "abandoned"
        case .timeout: "timeout"
        case .refused: "refused"
        }
    }
}

/// First digit of the status that the client got.
package enum StatusClass: Int, CaseIterable, Sendable {
    /// No status was sent: the client was gone.
    case none
    case informational, success, redirection, clientError, serverError

    @inlinable
    package init(status: Int) {
        self =
            switch status {
            case 100..<200: .informational
            case 200..<300: .success
            case 300..<400: .redirection
            case 400..<500: .clientError
            case 500..<600: .serverError
            default: .none
            }
    }

    package var label: StaticString {
        switch self {
        case .none: "none"
        case .informational: "1xx"
        case .success: "2xx"
        case .redirection: "3xx"
        case .clientError: "4xx"
        case .serverError: "5xx"
        }
    }
}

/// What a limit said.
package enum LimitDecision: Int, CaseIterable, Sendable {
    case allowed, denied
    /// Would have been denied, but the rule only watches.
    case deniedDry
    /// Allowed, with four fifths or more used up.
    case near

    package var label: StaticString {
        switch self {
        case .allowed: "allowed"
        case .denied: "denied"
        case .deniedDry: "denied_dry_run"
        case .near: "near"
        }
    }
}

/// Slot of a route's name. Comes from `MetricRegistry`; kept in the settings' snapshot.
package struct RouteSlot: Equatable, Sendable {
    @usableFromInline let number: Int
    /// Below `MetricPlaces.routeCapacity`.
    package var index: Int { number }
    @inlinable init(number: Int) { self.number = number }
}

/// Slot of an upstream's name. Comes from `MetricRegistry`; kept in the settings' snapshot.
package struct UpstreamSlot: Equatable, Sendable {
    @usableFromInline let number: Int
    @inlinable init(number: Int) { self.number = number }
}

/// Slot of a limit's name. Comes from `MetricRegistry`; kept in the settings' snapshot.
package struct LimitSlot: Equatable, Sendable {
    @usableFromInline let number: Int
    @inlinable init(number: Int) { self.number = number }
}

/// What became of asking who a request comes from.
package enum AuthenticationResult: Int, CaseIterable, Sendable {
    case accepted
    /// No credential, and none was needed.
    case anonymous
    case missing, malformed, algorithm
    case unknownKey, signature, expired, claims, revoked
    /// Known, but the route is for others.
    case forbidden
    /// Keys to verify with were never reached.
    case unavailable
    /// Stopped to wait for keys; counted again when it goes on.
    case waiting
    /// A signed request that was seen before.
    case replayed

    package var label: StaticString {
        switch self {
        case .accepted: "accepted"
        case .anonymous: "anonymous"
        case .missing: "missing"
        case .malformed: "malformed"
        case .algorithm: "algorithm"
        case .unknownKey: "unknown_key"
        case .signature: "signature"
        case .expired: "expired"
        case .claims: "claims"
        case .revoked: "revoked"
        case .forbidden: "forbidden"
        case .unavailable: "unavailable"
        case .waiting: "waiting"
        case .replayed: "replayed"
        }
    }
}

/// What became of a request with an Idempotency-Key, or of the answer to one.
package enum IdempotencyResult: Int, CaseIterable, Sendable {
    /// It had the key first, and was sent.
    case begun
    /// It got the answer that was kept.
    case replayed
    /// It stopped to wait for the one under way; counted again when it goes on.
    case waiting
    /// It waited in vain.
    case busy
    /// It came after an answer that was not kept.
    case notKept
    /// It was another request than the one before it with its key.
    case reused
    case missing, malformed, tooLarge
    /// The store had no room or no answer.
    case unavailable
    /// An answer was kept for those that follow.
    case kept
    /// An answer was given, but too long to be kept.
    case unkept
    /// No answer, or none that is final: the key is free again.
    case released
    /// The client left, and the request went on to its end without it.
    case ranOn

    package var label: StaticString {
        switch self {
        case .begun: "begun"
        case .replayed: "replayed"
        case .waiting: "waiting"
        case .busy: "busy"
        case .notKept: "not_kept"
        case .reused: "reused"
        case .missing: "missing"
        case .malformed: "malformed"
        case .tooLarge: "too_large"
        case .unavailable: "unavailable"
        case .kept: "kept"
        case .unkept: "unkept"
        case .released: "released"
        case .ranOn: "ran_on"
        }
    }
}
