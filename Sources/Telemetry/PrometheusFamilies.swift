extension PrometheusEncoder {
    /// Everything that the workers counted.
    package mutating func floodgate(_ metrics: MetricsSnapshot) {
        connections(metrics)
        requests(metrics)
        upstreams(metrics)
        limits(metrics)
        redis(metrics)
        addresses(metrics)
        workers(metrics)
    }

    private mutating func connections(_ metrics: MetricsSnapshot) {
        family("floodgate_connections_accepted_total", .counter, "Client connections accepted.")
        sample(metrics.value(of: .connectionsAccepted))
        family("floodgate_connections_closed_total", .counter, "Client connections closed.")
        sample(metrics.value(of: .connectionsClosed))
        family("floodgate_connections_open", .gauge, "Client connections open now.")
        sample(level: metrics.value(of: .connectionsOpen))
        family(
            "floodgate_connections_refused_total", .counter,
            "Client connections closed before their first request.")
        for reason in ConnectionRefusal.allCases {
            sample(metrics.count(of: reason), ["reason": "\(reason.label)"])
        }
        family("floodgate_tunnels_open", .gauge, "Upgraded connections (WebSocket) open now.")
        sample(level: metrics.value(of: .tunnelsOpen))
        family("floodgate_tls_handshakes_total", .counter, "Clients' TLS handshakes, by what became of them.")
        for result in HandshakeResult.allCases {
            sample(metrics.count(of: result), ["result": "\(result.label)"])
        }
        family("floodgate_http2_connections_total", .counter, "Client connections that spoke HTTP/2.")
        sample(metrics.value(of: .http2Connections))
        family(
            "floodgate_http2_floods_total", .counter,
            "HTTP/2 connections that were ended because the client flooded them with frames or resets.")
        sample(metrics.value(of: .http2Floods))
        family("floodgate_http2_streams_open", .gauge, "Streams of clients' HTTP/2 connections open now.")
        sample(level: metrics.value(of: .streamsOpen))
        family("floodgate_received_bytes_total", .counter, "Bytes received from clients.")
        sample(metrics.value(of: .bytesIn))
        family("floodgate_sent_bytes_total", .counter, "Bytes sent to clients.")
        sample(metrics.value(of: .bytesOut))
        family("floodgate_head_errors_total", .counter, "Request heads that were refused, by what was wrong.")
        for fault in HeadFault.allCases {
            sample(metrics.count(of: fault), ["kind": "\(fault.label)"])
        }
        family(
            "floodgate_slow_clients_total", .counter,
            "Requests that ended because the client was too slow, by what it was slow at.")
        for part in SlowPart.allCases {
            sample(metrics.count(of: part), ["part": "\(part.label)"])
        }
        family("floodgate_requests_shed_total", .counter, "Requests refused at the memory limit.")
        sample(metrics.value(of: .requestsShed))
        family(
            "floodgate_connections_shed_total", .counter, "Quiet connections closed near the memory limit.")
        sample(metrics.value(of: .connectionsShed))
    }

    private mutating func requests(_ metrics: MetricsSnapshot) {
        family(
            "floodgate_requests_total", .counter,
            "Requests by route and class of status; route - matched none.")
        for route in metrics.routes {
            for status in StatusClass.allCases {
                sample(
                    route.requests[status.rawValue],
                    ["route": route.name, "status": "\(status.label)"])
            }
        }
        family("floodgate_outcomes_total", .counter, "Requests by who ended them in which phase.")
        for outcome in Outcome.allCases {
            sample(metrics.count(of: outcome), ["outcome": "\(outcome.code)"])
        }
        family(
            "floodgate_authentications_total", .counter,
            "Requests on routes with auth or signed, by what became of asking who they come from.")
        for result in AuthenticationResult.allCases {
            sample(metrics.count(of: result), ["result": "\(result.label)"])
        }
        family(
            "floodgate_idempotency_total", .counter,
            "Requests with an Idempotency-Key, and answers to them, by what became of them.")
        for result in IdempotencyResult.allCases {
            sample(metrics.count(of: result), ["result": "\(result.label)"])
        }
        family(
            "floodgate_request_duration_seconds", .histogram,
            "From a request's first byte to its answer's last.")
        for route in metrics.routes {
            sample(route.duration, ["route": route.name])
        }
    }

    private mutating func upstreams(_ metrics: MetricsSnapshot) {
        let upstreams = metrics.upstreams
        family("floodgate_upstream_connections_opened_total", .counter, "Connections made to servers.")
        for upstream in upstreams {
            sample(upstream.opened, ["upstream": upstream.name])
        }
        family(
            "floodgate_upstream_connections_reused_total", .counter, "Requests that found a kept connection.")
        for upstream in upstreams {
            sample(upstream.reused, ["upstream": upstream.name])
        }
        family("floodgate_upstream_connections_failed_total", .counter, "Connections that could not be made.")
        for upstream in upstreams {
            sample(upstream.failed, ["upstream": upstream.name])
        }
        family(
            "floodgate_upstream_connections_open", .gauge,
            "Connections to servers open now, idle ones included.")
        for upstream in upstreams {
            sample(level: upstream.open, ["upstream": upstream.name])
        }
        family(
            "floodgate_upstream_first_byte_seconds", .histogram,
            "From a request's last byte to the head of the answer.")
        for upstream in upstreams {
            sample(upstream.firstByte, ["upstream": upstream.name])
        }
        family("floodgate_retries_total", .counter, "Attempts beyond a request's first.")
        sample(metrics.value(of: .retries))
    }

    private mutating func limits(_ metrics: MetricsSnapshot) {
        family("floodgate_limit_decisions_total", .counter, "What limits said.")
        for limit in metrics.limits {
            for decision in LimitDecision.allCases {
                sample(
                    limit.decisions[decision.rawValue],
                    ["limit": limit.name, "decision": "\(decision.label)"])
            }
        }
    }

    private mutating func redis(_ metrics: MetricsSnapshot) {
        family("floodgate_redis_commands_total", .counter, "Commands that workers have asked Redis.")
        sample(metrics.value(of: .commands))
        family(
            "floodgate_redis_failures_total", .counter,
            "Commands without a useful answer, by why: an error, none in time, a lost connection, not asked.")
        sample(metrics.value(of: .errors), ["reason": "error"])
        sample(metrics.value(of: .expired), ["reason": "timeout"])
        sample(metrics.value(of: .failed), ["reason": "connection"])
        sample(metrics.value(of: .refused), ["reason": "refused"])
        family("floodgate_redis_connects_total", .counter, "Connections of workers to Redis.")
        sample(metrics.value(of: .connects))
        family(
            "floodgate_redis_redirections_total", .counter,
            "Commands that a node of the cluster has sent to another one: keys that move.")
        sample(metrics.value(of: .redirected))
        family(
            "floodgate_redis_lost_workers", .gauge,
            "Workers that ask Redis nothing now, because it does not answer; of a cluster each node counts.")
        sample(level: Int(Int64(bitPattern: metrics.value(of: .lost))))
        family(
            "floodgate_redis_limits_without_total", .counter,
            "Requests whose limits Redis could not be asked about, by what became of them.")
        sample(metrics.value(of: .limitsLocal), ["outcome": "counted_here"])
        sample(metrics.value(of: .limitsOpen), ["outcome": "let_through"])
        sample(metrics.value(of: .limitsClosed), ["outcome": "refused"])
        family("floodgate_redis_round_trip_seconds", .histogram, "From a command to its answer.")
        sample(metrics.storeRoundTrips)
    }

    private mutating func addresses(_ metrics: MetricsSnapshot) {
        family(
            "floodgate_address_refusals_total", .counter,
            "Requests refused for the client's address, by what refused it.")
        for reason in AddressRefusal.allCases {
            sample(metrics.count(of: reason), ["by": "\(reason.label)"])
        }
        family("floodgate_bans_total", .counter, "Addresses that this gateway banned for what they asked.")
        sample(metrics.bans)
    }

    private mutating func workers(_ metrics: MetricsSnapshot) {
        family("floodgate_access_log_dropped_total", .counter, "Records that the access log had no room for.")
        sample(metrics.value(of: .logDrops))
        family("floodgate_buffer_bytes", .gauge, "Bytes in buffers that are in use.")
        sample(level: metrics.value(of: .bufferBytes))
        family(
            "floodgate_loop_turn_seconds", .histogram,
            "Durations of event loop turns; all on a loop wait for a long one.")
        sample(metrics.loopTurns)
    }
}
