import Addressing
import Testing
import Time
import Upstream

@Suite struct BalancerTests {
    private let now = Instant(nanoseconds: 1_000_000_000)

    private func states(_ loads: [Int], cooling: Set<Int> = []) -> [EndpointState] {
        loads.enumerated().map { index, load in
            var state = EndpointState(
                ServerEndpoint(
                    address: .ip(IPAddress(ipv4: UInt32(index)), port: 80), label: "server \(index)"))
            state.inFlight = load
            if cooling.contains(index) { state.coolsUntil = now + .seconds(index + 1) }
            return state
        }
    }

    @Test func `nobody is chosen among none`() {
        var balancer = Balancer(policy: .roundRobin)
        expectEqual(balancer.choose(among: [], avoiding: nil, now: now), nil)
    }

    @Test func `round robin gives each its turn whatever its load`() {
        var balancer = Balancer(policy: .roundRobin, offset: 1)
        let states = states([5, 0, 9])
        let choices = (0..<7).map { _ in balancer.choose(among: states, avoiding: nil, now: now) }
        #expect(choices == [1, 2, 0, 1, 2, 0, 1])
    }

    @Test func `least requests takes the least loaded, and equals in turn`() {
        var balancer = Balancer(policy: .leastRequests)
        expectEqual(balancer.choose(among: states([2, 1, 3]), avoiding: nil, now: now), 1)
        let equal = states([1, 1, 1])
        let choices = (0..<6).map { _ in balancer.choose(among: equal, avoiding: nil, now: now) }
        #expect(choices == [2, 0, 1, 2, 0, 1])
    }

    @Test(arguments: [Balancer.Policy.roundRobin, .leastRequests])
    func `who cools down is left alone while there is another`(policy: Balancer.Policy) {
        var balancer = Balancer(policy: policy)
        let states = states([0, 7, 0], cooling: [0, 2])
        for _ in 0..<5 { expectEqual(balancer.choose(among: states, avoiding: nil, now: now), 1) }
    }

    @Test func `the avoided one is taken only if it is the only one`() {
        var balancer = Balancer(policy: .roundRobin)
        for _ in 0..<4 { expectEqual(balancer.choose(among: states([0, 0]), avoiding: 1, now: now), 0) }
        expectEqual(balancer.choose(among: states([0]), avoiding: 0, now: now), 0)
    }

    @Test func `when all cool down, the one that is back soonest is tried`() {
        var balancer = Balancer(policy: .roundRobin)
        let states = states([0, 0, 0], cooling: [0, 1, 2])
        expectEqual(balancer.choose(among: states, avoiding: nil, now: now), 0)
        expectEqual(balancer.choose(among: states, avoiding: 0, now: now), 1)
    }

    @Test func `a list that has become shorter is no trouble`() {
        var balancer = Balancer(policy: .roundRobin)
        for _ in 0..<5 { _ = balancer.choose(among: states([0, 0, 0, 0]), avoiding: nil, now: now) }
        let choice = balancer.choose(among: states([0, 0]), avoiding: 3, now: now)
        #expect(choice == 0 || choice == 1)
    }
}
