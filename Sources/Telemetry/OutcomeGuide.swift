extension Outcome {
    /// One line of the table that operators read.
    package struct Explanation: Sendable {
        package let outcome: Outcome
        /// What happened.
        package let meaning: StaticString
        /// Where to look first.
        package let cause: StaticString

        init(_ outcome: Outcome, _ meaning: StaticString, _ cause: StaticString) {
            self.outcome = outcome
            self.meaning = meaning
            self.cause = cause
        }
    }

    /// Every outcome, in the order of its cases. The README prints this table.
    package static let guide: [Explanation] = [
        Explanation(
            .ok, "The upstream's answer was delivered whole, whatever its status.",
            "Nothing to look for."),
        Explanation(.clientHead, "The client left inside its request head.", "Scanners, dropped networks."),
        Explanation(
            .clientPolicy, "The client left while stages decided.",
            "A slow store, an impatient client."),
        Explanation(.clientQueue, "The client left the upstream's queue.", "The upstream is saturated."),
        Explanation(
            .clientConnect, "The client left while a server was being connected.",
            "Servers accept slowly."),
        Explanation(
            .clientRequest, "The client left inside its request body.",
            "Aborted uploads, dropped networks."),
        Explanation(
            .clientResponse, "The client left before the answer began.",
            "The upstream is slower than its clients wait."),
        Explanation(
            .clientBody, "The client left inside the answer.",
            "Aborted downloads, closed event streams."),
        Explanation(.clientTunnel, "The client ended its tunnel.", "The usual end of a WebSocket."),
        Explanation(
            .gatewayHead, "The request's head was refused.",
            "Malformed, too large or too slow: 400, 408, 414, 431, 505."),
        Explanation(
            .gatewayPolicy, "A stage refused the request.",
            "A limit (`limit` names the rule), no such route or host."),
        Explanation(
            .gatewayQueue, "The upstream had no place in time.",
            "Its queue is full or too slow, or all servers are out."),
        Explanation(
            .gatewayConnect, "No connection to a server could be started.",
            "Out of descriptors, memory or local ports."),
        Explanation(
            .gatewayRequest, "The request's body was refused or cut.",
            "Too large, too slow, or the drain's deadline."),
        Explanation(
            .gatewayResponse, "The gateway gave up before an answer came.",
            "The total time-out, or the drain's deadline."),
        Explanation(
            .gatewayBody, "The gateway cut the answer.",
            "A client that reads too slowly, the total time-out, the drain."),
        Explanation(
            .gatewayTunnel, "The gateway ended a tunnel.",
            "Idle for too long, or the drain's deadline."),
        Explanation(
            .gatewayDone, "The gateway answered by itself, as configured.",
            "Health checks, redirects, fixed answers."),
        Explanation(
            .upstreamConnect, "No server could be connected.",
            "Refused, timed out, unreachable, name not found."),
        Explanation(
            .upstreamRequest, "The server left while the request was sent.",
            "Crashes, restarts, its own limit for bodies."),
        Explanation(
            .upstreamResponse, "The server gave no valid answer.",
            "It closed, timed out, or sent a malformed head."),
        Explanation(
            .upstreamBody, "The server broke off its answer.",
            "Crashes, restarts, its own time-outs, bad chunks."),
        Explanation(.upstreamTunnel, "The server ended a tunnel.", "The usual end of a WebSocket; restarts."),
        Explanation(
            .storePolicy, "A stage had no answer from the store in time, and its rule refuses then.",
            "Redis is down, slow or unreachable."),
    ]
}
