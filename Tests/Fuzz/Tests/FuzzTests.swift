import FuzzTargets
import Testing

/// The fuzz targets' properties, held for every seed and for mutants of them: the same mutants in every run,
/// so that a failure comes again. `make fuzz` goes further, with coverage and sanitizers.
///
/// `FLOODGATE_FUZZ_COUNT` says how many mutants of each target there are.
@Suite struct FuzzTests {
    @Test("the properties hold for every seed", arguments: FuzzTarget.allCases)
    func seeds(target: FuzzTarget) throws {
        let seeds = try Seeds.of(target)
        #expect(seeds.count >= 10, "\(target.rawValue) has \(seeds.count) seeds")
        for seed in seeds { check(target, seed.bytes, "seed \(seed.name)") }
    }

    @Test("the properties hold for mutants of the seeds", arguments: FuzzTarget.allCases)
    func mutants(target: FuzzTarget) throws {
        let seeds = try Seeds.of(target).map(\.bytes)
        var mutator = Mutator(seeds: seeds, longest: target.longestInput)
        for number in 0..<Seeds.count(for: target) {
            let bytes = mutator.next()
            guard check(target, bytes, "mutant \(number)") else { return }
        }
    }

    @Test func `every folder of seeds belongs to a target`() throws {
        #expect(try Seeds.folders() == FuzzTarget.allCases.map(\.rawValue).sorted())
    }

    @Test func `mutants are the same in every run and differ from each other`() {
        var first = Mutator(seeds: [Array("GET / HTTP/1.1".utf8)], longest: 64)
        var second = Mutator(seeds: [Array("GET / HTTP/1.1".utf8)], longest: 64)
        let mutants = (0..<200).map { _ in first.next() }
        #expect(mutants == (0..<200).map { _ in second.next() })
        #expect(Set(mutants).count > 150)
        #expect(mutants.allSatisfy { $0.count <= 64 })
    }

    /// What traps ends the test run: the input is written down before, for whoever looks for it.
    @discardableResult
    private func check(_ target: FuzzTarget, _ bytes: [UInt8], _ what: String) -> Bool {
        LastInput.note(target, bytes)
        do throws(Violation) {
            try target.check(bytes)
            return true
        } catch {
            Issue.record("\(target.rawValue), \(what): \(error)\n\(Seeds.literal(bytes))")
            return false
        }
    }
}
