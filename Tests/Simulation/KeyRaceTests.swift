import Testing

@Suite struct KeyRaceTests {
    @Test func `workers that race for keys send one request of each at a time, and lose no wake-up`() throws {
        var seen: [String: Int] = [:]
        for seed: UInt64 in 1...1500 {
            let race = try KeyRace(seed: seed)
            race.run()
            #expect(race.violations.isEmpty, "seed \(seed): \(race.violations)")
            if !race.violations.isEmpty { return }
            seen.merge(race.results) { $0 + $1 }
        }
        // The schedules reach all that may come of a key.
        for result in ["begun", "replayed", "waiting", "busy", "reused", "finished(true)", "finished(false)"]
        {
            #expect(seen[result, default: 0] > 0, "\(result) never came of it: \(seen)")
        }
    }
}
