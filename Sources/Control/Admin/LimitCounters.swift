import Settings

/// What an operator does with counters.
package enum LimitAction: Sendable { case show, reset }

/// The counters of one limit for one holder.
package struct LimitCounters: Equatable, Sendable {
    package struct Counter: Equatable, Sendable {
        /// Rule, algorithm and plan: `chat/g@pro`.
        package var name: String
        package var limit: Int64
        package var remaining: Int64
        /// Until all of it is there again, rounded up.
        package var resetSeconds: Int64
        package var redisKey: String
    }

    package enum Origin: String, Sendable {
        case redis, memory
        /// Redis is away: what this gateway knows.
        case view
    }

    package var limit: String
    package var holder: String
    package var origin: Origin
    package var counters: [Counter]

    var json: JSONValue {
        .object([
            ("limit", .string(limit)), ("holder", .string(holder)), ("from", .string(origin.rawValue)),
            (
                "counters",
                .array(
                    counters.map { counter in
                        .object([
                            ("name", .string(counter.name)), ("limit", .number("\(counter.limit)")),
                            ("remaining", .number("\(counter.remaining)")),
                            ("reset_seconds", .number("\(counter.resetSeconds)")),
                            ("key", .string(counter.redisKey)),
                        ])
                    })
            ),
        ])
    }
}

/// Why counters cannot be shown.
package enum LimitProblem: Error, Equatable, Sendable {
    case unknownLimit(suggestion: String?)
    case holder(String)
    /// Redis could not be told: its counters are as they were.
    case store(String)
}

/// What the admin listener answers about limits.
struct LimitRoutes {
    let source: any AdminSource

    func answer(_ action: LimitAction, _ request: AdminRequest) -> AdminResponse {
        guard let limit = request.value(of: "limit"), let holder = request.value(of: "holder") else {
            return .problem(400, "?limit= and &holder= name the counter: ?limit=chat&holder=ip=192.0.2.7")
        }
        do throws(LimitProblem) {
            return .json(try source.counters(of: limit, holder: holder, action).json)
        } catch {
            switch error {
            case .unknownLimit(let suggestion):
                let meant = suggestion.map { "; did you mean \($0)?" } ?? ""
                return .problem(404, "No limit is named \(limit)\(meant)")
            case .holder(let words): return .problem(400, words)
            case .store(let words): return .problem(503, words)
            }
        }
    }
}
