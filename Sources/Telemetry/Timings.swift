import Time

/// When an exchange reached each of its phases. Filled in by the worker with the loop's `now`; what was not
/// reached is unset.
///
/// With a retry, the instants from `upstreamChosen` on are those of the last attempt.
package struct Timings: Equatable, Sendable {
    /// The client's connection was accepted. Earlier than `headBegun` by idle time on a connection in reuse.
    package var accepted: Instant = .unset
    /// The head's first byte was read.
    package var headBegun: Instant = .unset
    /// The head's last byte was read.
    package var headComplete: Instant = .unset
    /// All stages have let the request through.
    package var policyDone: Instant = .unset
    /// A server was chosen and has a place for the request.
    package var upstreamChosen: Instant = .unset
    /// A connection to the server, new or kept, is at hand.
    package var connected: Instant = .unset
    /// The request's last byte was sent.
    package var requestSent: Instant = .unset
    /// The answer's head was read whole.
    package var responseHead: Instant = .unset
    /// The answer's last byte was given to the client's socket, or the exchange broke off.
    package var responseEnd: Instant = .unset

    package init() {}

    /// Nanoseconds to read the head; nil where it was never complete.
    package var head: Int64? { Timings.span(from: headBegun, to: headComplete) }
    /// Nanoseconds the stages took, their waits for stores included.
    package var policy: Int64? { Timings.span(from: headComplete, to: policyDone) }
    /// Nanoseconds waited for a place at the upstream.
    package var queue: Int64? { Timings.span(from: policyDone, to: upstreamChosen) }
    /// Nanoseconds to have a connection; about zero for one in reuse.
    package var connect: Int64? { Timings.span(from: upstreamChosen, to: connected) }
    /// Nanoseconds until the answer's head (time to first byte): from the request's last byte, or from the
    /// connection where the server answered before it had the whole request.
    package var response: Int64? {
        let answeredEarly = !requestSent.isSet || responseHead.nanoseconds < requestSent.nanoseconds
        return Timings.span(from: answeredEarly ? connected : requestSent, to: responseHead)
    }
    /// Nanoseconds from the head's first byte to the end.
    package var total: Int64? { Timings.span(from: headBegun, to: responseEnd) }

    private static func span(from start: Instant, to end: Instant) -> Int64? {
        guard start.isSet, end.isSet else { return nil }
        return max(0, end.nanoseconds &- start.nanoseconds)
    }
}

extension Instant {
    /// A phase that was not reached. No clock gives it.
    package static var unset: Instant { Instant(nanoseconds: .min) }

    /// Whether the phase was reached.
    package var isSet: Bool { nanoseconds != .min }
}
