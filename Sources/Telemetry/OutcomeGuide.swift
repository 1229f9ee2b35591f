extension Outcome {
    /// One line of the table that operators read.
    package struct Explanation: Sendable {
        package let outcome: Outcome
        /// What happened.
        package let meaning: StaticString
        /// What is likely to be behind it.
        package let cause: StaticString
        /// Where to look first: fields of the access log, metrics, settings.
        package let look: StaticString

        init(_ outcome: Outcome, _ meaning: StaticString, _ cause: StaticString, _ look: StaticString) {
            self.outcome = outcome
            self.meaning = meaning
            self.cause = cause
            self.look = look
        }
    }

    /// Every outcome, in the order of its cases. The README prints this table.
    package static let guide: [Explanation] = [
        Explanation(
            .ok,
            "The upstream's answer was delivered whole, whatever its status; a tunnel ended in order.",
            "None needed.",
            "`status`: an error with this outcome is the backend's own."),
        Explanation(
            .clientHead,
            """
            The request's head was malformed, too large or too slow, or its address had too \
            many connections.
            """,
            """
            Scanners, broken clients, large cookies, dropped networks, one address with a \
            crowd behind it.
            """,
            """
            `status`; `floodgate_head_errors_total` by `kind`, \
            `floodgate_connections_refused_total`; `clients.max_head`, \
            `clients.head_timeout`, `clients.max_connections_per_address`.
            """),
        Explanation(
            .clientPolicy,
            "The client left while stages decided, or sent a body too slowly that a stage wanted to see.",
            "A slow store, an impatient client, an aborted upload: 408, 400.",
            "`total_us`; the store."),
        Explanation(
            .clientQueue,
            "The client left the upstream's queue.",
            "The upstream is saturated.",
            "`total_us`; `connections` and `queue` of the upstream."),
        Explanation(
            .clientConnect,
            "The client left while a server was being connected.",
            "Servers accept slowly.",
            "`total_us`; the server's load."),
        Explanation(
            .clientRequest,
            "The client left inside its request body, sent it too slowly, or sent bad chunks.",
            """
            Aborted uploads, dropped networks: 408, 400. A head that no longer fits with the \
            fields that are added: 431.
            """,
            "`bytes_in`; `floodgate_slow_clients_total`; `clients.body_timeout`, `clients.minimum_rate`."),
        Explanation(
            .clientResponse,
            "The client left before the answer began.",
            "The upstream is slower than its clients wait.",
            "`total_us`; the backend's own times."),
        Explanation(
            .clientBody,
            "The client left inside the answer, or did not read it in time.",
            "Aborted downloads, closed event streams, slow readers.",
            "`bytes_out`; `floodgate_slow_clients_total`; `clients.write_timeout`, `clients.minimum_rate`."),
        Explanation(
            .clientTunnel,
            "The client broke its tunnel off.",
            "Dropped networks, closed browser tabs.",
            "`total_us`; pings of the application."),
        Explanation(
            .gatewayHead,
            "The gateway ended before it had the request's head.",
            "A restart.",
            "Nothing to look for."),
        Explanation(
            .gatewayPolicy,
            "A stage refused the request, or there was no memory for it.",
            """
            A limit, no such route or host, an ambiguous path, a body that is announced too \
            large; `memory_limit`: 503.
            """,
            "`status`; `limit` names the rule; `floodgate explain`; `floodgate_memory_level`."),
        Explanation(
            .gatewayQueue,
            "The upstream had no place in time.",
            "Its queue is full or too slow, or none of its names has resolved: 503.",
            "`total_us`; `connections` and `queue` of the upstream; `name not resolved` in the log."),
        Explanation(
            .gatewayConnect,
            "The gateway had no descriptor to connect a server with, or ended meanwhile.",
            "The limit of open files: 503. The drain's deadline.",
            "`process_open_fds`; `ulimit -Hn`."),
        Explanation(
            .gatewayRequest,
            "The request's body grew beyond the limit, or the gateway ended inside it.",
            "A chunked upload beyond `max_body`: 413. The drain's deadline.",
            "`bytes_in`; `max_body` of the route."),
        Explanation(
            .gatewayResponse,
            "The gateway ended before an answer came.",
            "A drain deadline that is shorter than the answer's wait.",
            "`total_us`; `drain.deadline`."),
        Explanation(
            .gatewayBody,
            "The gateway ended inside the answer.",
            "A drain met long downloads or event streams.",
            "`drain.deadline`."),
        Explanation(
            .gatewayTunnel,
            "The gateway ended a tunnel.",
            "It was silent for too long, or a drain met it.",
            "`clients.tunnel_idle_timeout`, `drain.deadline`."),
        Explanation(
            .gatewayDone,
            "The gateway answered by itself, as configured.",
            "Health checks, redirects, fixed answers.",
            "`route`."),
        Explanation(
            .upstreamConnect,
            "No server could be connected.",
            "Refused, timed out, unreachable; no local port left.",
            "`server`; is it up? `floodgate_upstream_connections_failed_total`; `connect_timeout`."),
        Explanation(
            .upstreamRequest,
            "The server left while the request was sent, or took too long to take it.",
            "Crashes, restarts, its own limit for bodies.",
            "The backend's log; `write_timeout`."),
        Explanation(
            .upstreamResponse,
            "The server gave no valid answer.",
            "It closed, was too slow, or sent a malformed head.",
            """
            `response_us` against `response_timeout`; the backend's log; its idle time-out, \
            which must be longer than `idle_timeout`.
            """),
        Explanation(
            .upstreamBody,
            "The server broke off its answer.",
            "Crashes, restarts, silence, bad chunks.",
            "`bytes_out`; the backend's log; `read_timeout`."),
        Explanation(
            .upstreamTunnel,
            "The server broke a tunnel off.",
            "Crashes, restarts.",
            "The backend's log."),
        Explanation(
            .storePolicy,
            "A stage had no answer from the store in time, and its rule refuses then.",
            "The store is down, slow or unreachable.",
            "`total_us`; the store."),
    ]
}
