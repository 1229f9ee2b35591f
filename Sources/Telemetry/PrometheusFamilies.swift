extension PrometheusEncoder {
    /// Everything that the workers counted.
    package mutating func floodgate(_ metrics: MetricsSnapshot) {
        connections(metrics)
        requests(metrics)
        upstreams(metrics)
        limits(metrics)
        workers(metrics)
    }

    private mutating func connections(_ metrics: MetricsSnapshot) {
        family("floodgate_connections_accepted_total", .counter, "Client connections accepted.")
        sample("floodgate_connections_accepted_total", metrics.value(of: .connectionsAccepted))
        family("floodgate_connections_closed_total", .counter, "Client connections closed.")
        sample("floodgate_connections_closed_total", metrics.value(of: .connectionsClosed))
        family("floodgate_connections_open", .gauge, "Client connections open now.")
        sample("floodgate_connections_open", level: metrics.value(of: .connectionsOpen))
        family("floodgate_connections_refused_total", .counter, "Client connections closed before their first request.")
        for reason in ConnectionRefusal.allCases {
            sample("floodgate_connections_refused_total", ["reason": "\(reason.label)"], metrics.count(of: reason))
        }
        family("floodgate_tunnels_open", .gauge, "Upgraded connections (WebSocket) open now.")
        sample("floodgate_tunnels_open", level: metrics.value(of: .tunnelsOpen))
        family("floodgate_received_bytes_total", .counter, "Bytes received from clients.")
        sample("floodgate_received_bytes_total", metrics.value(of: .bytesIn))
        family("floodgate_sent_bytes_total", .counter, "Bytes sent to clients.")
        sample("floodgate_sent_bytes_total", metrics.value(of: .bytesOut))
        family("floodgate_head_errors_total", .counter, "Request heads that were refused, by what was wrong.")
        for fault in HeadFault.allCases {
            sample("floodgate_head_errors_total", ["kind": "\(fault.label)"], metrics.count(of: fault))
        }
    }

    private mutating func requests(_ metrics: MetricsSnapshot) {
        family("floodgate_requests_total", .counter, "Requests by route and class of status; route - matched none.")
        for route in metrics.routes {
            for status in StatusClass.allCases {
                sample(
                    "floodgate_requests_total", ["route": route.name, "status": "\(status.label)"],
                    route.requests[status.rawValue])
            }
        }
        family("floodgate_outcomes_total", .counter, "Requests by who ended them in which phase.")
        for outcome in Outcome.allCases {
            sample("floodgate_outcomes_total", ["outcome": "\(outcome.code)"], metrics.count(of: outcome))
        }
        family("floodgate_request_duration_seconds", .histogram, "From a request's first byte to its answer's last.")
        for route in metrics.routes {
            sample("floodgate_request_duration_seconds", ["route": route.name], route.duration)
        }
    }

    private mutating func upstreams(_ metrics: MetricsSnapshot) {
        let upstreams = metrics.upstreams
        family("floodgate_upstream_connections_opened_total", .counter, "Connections made to servers.")
        for upstream in upstreams {
            sample("floodgate_upstream_connections_opened_total", ["upstream": upstream.name], upstream.opened)
        }
        family("floodgate_upstream_connections_reused_total", .counter, "Requests that found a kept connection.")
        for upstream in upstreams {
            sample("floodgate_upstream_connections_reused_total", ["upstream": upstream.name], upstream.reused)
        }
        family("floodgate_upstream_connections_failed_total", .counter, "Connections that could not be made.")
        for upstream in upstreams {
            sample("floodgate_upstream_connections_failed_total", ["upstream": upstream.name], upstream.failed)
        }
        family("floodgate_upstream_connections_open", .gauge, "Connections to servers open now, idle ones included.")
        for upstream in upstreams {
            sample("floodgate_upstream_connections_open", ["upstream": upstream.name], level: upstream.open)
        }
        family(
            "floodgate_upstream_first_byte_seconds", .histogram, "From a request's last byte to the head of the answer.")
        for upstream in upstreams {
            sample("floodgate_upstream_first_byte_seconds", ["upstream": upstream.name], upstream.firstByte)
        }
        family("floodgate_retries_total", .counter, "Attempts beyond a request's first.")
        sample("floodgate_retries_total", metrics.value(of: .retries))
    }

    private mutating func limits(_ metrics: MetricsSnapshot) {
        family("floodgate_limit_decisions_total", .counter, "What limits said.")
        for limit in metrics.limits {
            for decision in LimitDecision.allCases {
                sample(
                    "floodgate_limit_decisions_total", ["limit": limit.name, "decision": "\(decision.label)"],
                    limit.decisions[decision.rawValue])
            }
        }
    }

    private mutating func workers(_ metrics: MetricsSnapshot) {
        family("floodgate_access_log_dropped_total", .counter, "Records that the access log had no room for.")
        sample("floodgate_access_log_dropped_total", metrics.value(of: .logDrops))
        family("floodgate_buffer_bytes", .gauge, "Bytes in buffers that are in use.")
        sample("floodgate_buffer_bytes", level: metrics.value(of: .bufferBytes))
        family("floodgate_loop_turn_seconds", .histogram, "Durations of event loop turns; all on a loop wait for a long one.")
        sample("floodgate_loop_turn_seconds", metrics.loopTurns)
    }
}
