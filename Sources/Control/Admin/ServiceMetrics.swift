import Fetch
import Telemetry

/// Numbers of what the gateway asks on its own account.
extension PrometheusEncoder {
    mutating func keySets(_ sets: [KeySetStatus]) {
        guard !sets.isEmpty else { return }
        family(
            "floodgate_jwks_state", .gauge,
            "1 for the state that a source's key set is in: never there, fresh, or stale and still used."
        )
        for set in sets {
            for state in KeySetStatus.State.allCases {
                sample(level: set.state == state ? 1 : 0, ["source": set.name, "state": state.rawValue])
            }
        }
        family("floodgate_jwks_keys", .gauge, "Keys of a token source's key set that can be used.")
        for set in sets { sample(level: set.keys, ["source": set.name]) }
        family("floodgate_jwks_age_seconds", .gauge, "Seconds since a key set was last fetched.")
        for set in sets {
            guard let age = set.age else { continue }
            sample(fraction: Double(age.nanoseconds) / 1e9, ["source": set.name])
        }
        family(
            "floodgate_jwks_last_success_seconds", .gauge,
            "When a key set was last fetched, in seconds since 1970; 0 where it never was.")
        for set in sets { sample(level: Int(set.lastSuccess?.seconds ?? 0), ["source": set.name]) }
        family("floodgate_jwks_fetches_total", .counter, "Fetches of key sets, by what became of them.")
        for set in sets {
            sample(set.fetched, ["source": set.name, "result": "ok"])
            sample(set.failed, ["source": set.name, "result": "failed"])
        }
    }

    mutating func plans(_ plans: PlanLookups.Statistics) {
        family("floodgate_plan_lookups_total", .counter, "Plans that were wanted, by where they were found.")
        sample(plans.hits, ["result": "remembered"])
        sample(plans.found, ["result": "found"])
        sample(plans.none, ["result": "none"])
        sample(plans.failed, ["result": "failed"])
        family("floodgate_plan_users", .gauge, "Users whose plans are remembered.")
        sample(level: plans.users)
    }
}
