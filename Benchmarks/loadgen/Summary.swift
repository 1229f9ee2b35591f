import Time

/// What a run came to.
struct Summary {
    private(set) var requests = 0
    private(set) var failures: [Failure: Int] = [:]
    private(set) var badStatuses: [Int: Int] = [:]
    /// Answers by status, from the first request on: what was admitted while the run warmed up was admitted.
    private(set) var statuses: [Int: Int] = [:]
    /// Connects, and answers that asked to end the connection.
    var connects = 0
    var closesObeyed = 0
    /// Connections that the peer ended while nothing was asked of it.
    var idleCloses = 0
    /// TLS handshakes, and how many of them resumed a session.
    var handshakes = 0
    var resumed = 0
    /// Everything that came, heads too.
    var receivedBytes = 0
    /// Nanoseconds of the window, and what the watched processes spent on cores in it.
    var elapsed: Int64 = 0
    var processNanoseconds: Int64 = 0
    /// Requests that took so many hundredths of an octave of microseconds: 1/32 of resolution.
    private var latencies = [Int](repeating: 0, count: 64 * 32)
    private var longest: Int64 = 0

    mutating func succeeded(nanoseconds: Int64) {
        requests += 1
        longest = max(longest, nanoseconds)
        latencies[Self.bucket(nanoseconds)] += 1
    }

    /// Begins anew, but for what failed.
    mutating func forgetAnswers() {
        requests = 0
        receivedBytes = 0
        longest = 0
        for index in latencies.indices { latencies[index] = 0 }
    }

    mutating func failed(_ failure: Failure, status: Int = 0) {
        failures[failure, default: 0] += 1
        if status != 0 { badStatuses[status, default: 0] += 1 }
    }

    mutating func answered(_ status: Int) { statuses[status, default: 0] += 1 }

    private static func bucket(_ nanoseconds: Int64) -> Int {
        let value = UInt64(max(32, nanoseconds))
        let exponent = 63 - value.leadingZeroBitCount
        return exponent * 32 + Int(value >> UInt64(exponent - 5) & 31)
    }

    /// Upper bound in microseconds of what that share of the requests took.
    private func quantile(_ share: Double) -> Double {
        let wanted = Int((Double(requests) * share).rounded(.up))
        var seen = 0
        for (index, count) in latencies.enumerated() where count > 0 {
            seen += count
            guard seen >= wanted else { continue }
            let exponent = index / 32
            let bound = Double(UInt64(32 + index % 32 + 1) << UInt64(exponent - 5))
            return (min(bound, Double(longest)) / 100).rounded() / 10
        }
        return 0
    }

    var json: String {
        let seconds = Double(elapsed) / 1e9
        let kinds = Failure.allCases.map { "\"\($0.rawValue)\": \(failures[$0] ?? 0)" }.joined(
            separator: ", ")
        // A refused connect carried no request.
        let failed = failures.filter { $0.key != .refused }.values.reduce(0, +)
        let rate = seconds > 0 ? (Double(requests) / seconds).rounded() : 0
        let latency =
            "\"p50_us\": \(quantile(0.5)), \"p99_us\": \(quantile(0.99)), \"max_us\": \(Double(longest / 100) / 10)"
        return """
            {"requests": \(requests), "failed": \(failed), "failures": {\(kinds)}, "bad_statuses": {\(Self.counts(badStatuses))}, \
            "statuses": {\(Self.counts(statuses))}, \
            "connects": \(connects), "closes_obeyed": \(closesObeyed), "idle_closes": \(idleCloses), \
            "handshakes": \(handshakes), "resumed": \(resumed), \
            "received_bytes": \(receivedBytes), "seconds": \(seconds), "process_ns": \(processNanoseconds), "rps": \(rate), \(latency)}

            """
    }

    private static func counts(_ statuses: [Int: Int]) -> String {
        statuses.sorted { $0.key < $1.key }.map { "\"\($0.key)\": \($0.value)" }.joined(separator: ", ")
    }
}
