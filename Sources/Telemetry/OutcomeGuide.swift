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
            .ok, "The upstream's answer was delivered whole, whatever its status; a tunnel ended in order.",
            "Nothing to look for."),
        Explanation(
            .clientHead, "The request's head was malformed, too large or too slow.",
            "Scanners, broken clients, dropped networks: 400, 408, 414, 417, 431, 501, 505."),
        Explanation(
            .clientPolicy, "The client left while stages decided.",
            "A slow store, an impatient client."),
        Explanation(.clientQueue, "The client left the upstream's queue.", "The upstream is saturated."),
        Explanation(
            .clientConnect, "The client left while a server was being connected.",
            "Servers accept slowly."),
        Explanation(
            .clientRequest, "The client left inside its request body, stalled, or sent bad chunks.",
            "Aborted uploads, dropped networks: 408, 400."),
        Explanation(
            .clientResponse, "The client left before the answer began.",
            "The upstream is slower than its clients wait."),
        Explanation(
            .clientBody, "The client left inside the answer, or did not read it in time.",
            "Aborted downloads, closed event streams, `clients.write_timeout`."),
        Explanation(
            .clientTunnel, "The client broke its tunnel off.", "Dropped networks, closed browser tabs."),
        Explanation(
            .gatewayHead, "The gateway ended before it had the request's head.",
            "Nothing to look for."),
        Explanation(
            .gatewayPolicy, "A stage refused the request.",
            """
            A limit (`limit` names the rule), no such route or host, a body that is announced too large. \
            `memory_limit`: 503.
            """),
        Explanation(
            .gatewayQueue, "The upstream had no place in time.",
            "Its queue is full or too slow, or none of its names has resolved: 503."),
        Explanation(
            .gatewayConnect, "The gateway had no descriptor to connect a server with, or ended meanwhile.",
            "The limit of open files: 503. The drain's deadline."),
        Explanation(
            .gatewayRequest, "The request's body grew beyond the limit, or the gateway ended inside it.",
            "`max_body`: 413. The drain's deadline."),
        Explanation(
            .gatewayResponse, "The gateway ended before an answer came.",
            "The drain's deadline, shorter than the answer's wait."),
        Explanation(
            .gatewayBody, "The gateway ended inside the answer.",
            "The drain's deadline: long downloads, event streams."),
        Explanation(
            .gatewayTunnel, "The gateway ended a tunnel.",
            "Silent for `clients.tunnel_idle_timeout`, or the drain's deadline."),
        Explanation(
            .gatewayDone, "The gateway answered by itself, as configured.",
            "Health checks, redirects, fixed answers."),
        Explanation(
            .upstreamConnect, "No server could be connected.",
            "Refused, timed out, unreachable; no local port left."),
        Explanation(
            .upstreamRequest, "The server left while the request was sent, or took too long to take it.",
            "Crashes, restarts, its own limit for bodies, `write_timeout`."),
        Explanation(
            .upstreamResponse, "The server gave no valid answer.",
            "It closed, timed out (`response_timeout`), or sent a malformed head."),
        Explanation(
            .upstreamBody, "The server broke off its answer.",
            "Crashes, restarts, `read_timeout`, bad chunks."),
        Explanation(.upstreamTunnel, "The server broke a tunnel off.", "Crashes, restarts."),
        Explanation(
            .storePolicy, "A stage had no answer from the store in time, and its rule refuses then.",
            "The store is down, slow or unreachable."),
    ]
}
