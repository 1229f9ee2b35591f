import Pipeline
import Stores
import Time

/// Gateways with views of one Redis on virtual time: commands and replies take time, come late or never;
/// Redis hangs, and comes back with its data or without. A seed draws all that, and tells a run.
///
/// The views are real ones, Redis is the model that a differential test holds beside the script, and what is
/// done where Redis does not answer is the ladder's `local`: each request then costs as often as there are
/// gateways.
final class FleetSimulation {
    struct Terms: Sendable {
        var gateways = 3
        var keys = 2
        /// Limits are up to this.
        var limit = 12
        /// Nanoseconds for which a limit is good: a window, or what GCRA's burst takes to come back.
        var interval: Int64 = 200_000_000
        /// Nanoseconds of virtual time.
        var lasts: Int64 = 1_200_000_000
        /// Nanoseconds between two requests on the average.
        var pause: Int64 = 4_000_000
        /// Nanoseconds that a command takes to Redis at most, while that is well.
        var slowest: Int64 = 12_000_000
        /// Nanoseconds that a gateway waits for a reply.
        var budget: Int64 = 20_000_000
        /// Of a hundred replies, those that come after everybody has stopped waiting, and those never.
        var late = 10
        var lost = 3
        /// Hangs that a run has, and those of them after which Redis is empty.
        var outages = 0
        var losses = 0
    }

    /// What was admitted, on the time of the run.
    struct Admission {
        let at: Int64
        let gateway: Int
        let key: Int
        let isLocal: Bool
        let cost: Int64
    }

    /// A loss of all data: what Redis knew, and what the gateway that knew least did.
    struct Loss {
        let at: Int64
        let known: [Int64]
        let leastKnown: [Int64]
    }

    private enum Step {
        case request
        case execute(Int)
        case reply(Int)
        case timeout(Int)
        case hang
        case goOn(empty: Bool)
    }

    private struct Command {
        let gateway: Int
        let key: Int
        var demand: TokenDemand
        let hints: CounterStates
        let asked: Int64
        var said = CounterStates()
        var isDecided = false
    }

    private final class Gateway {
        let view = MemoryCounterStore(maximumKeys: 64)
        /// Its clock has begun at another time than others.
        let offset: Int64
        var believesInStore = true
        var nextProbe: Int64 = 0
        /// What its view left of a key when it gave the first token by itself.
        var leftAtFirst: [Int: Int64] = [:]

        init(offset: Int64) { self.offset = offset }

        func now(_ time: Int64) -> Instant { Instant(nanoseconds: time + offset) }
    }

    let terms: Terms
    let buckets: [TokenDemand.Bucket]
    private(set) var admissions: [Admission] = []
    private(set) var losses: [Loss] = []
    private(set) var violations: [String] = []
    private(set) var refusals = 0
    private(set) var commands: [Int] = []
    private(set) var knownDenied = 0
    /// What each gateway had left of each key when it gave the first token by itself.
    var leftAtFirst: [[Int: Int64]] { fleet.map(\.leftAtFirst) }
    var raises: Int { truth.raises }

    private var random: RandomSource
    private var agenda: [(at: Int64, order: Int, step: Step)] = []
    private var scheduled = 0
    private var sent: [Command] = []
    private var truth = CounterModel()
    private let fleet: [Gateway]
    private var hangsUntilGoOn = false
    private var held: [Int] = []
    private let redisOffset: Int64

    init(seed: UInt64, _ terms: Terms) {
        self.terms = terms
        var random = RandomSource(seed: seed)
        buckets = (0..<terms.keys).map { key in
            let algorithm = CountingAlgorithm.allCases[Int(random.next() % 3)]
            let limit = Int64(random.next() % UInt64(terms.limit)) + 1
            return TokenDemand.Bucket(
                key: UInt64(key) + 1, algorithm: algorithm, limit: limit,
                interval: algorithm == .gcra ? terms.interval / limit : terms.interval)
        }
        fleet = (0..<terms.gateways).map { _ in
            Gateway(offset: Int64(random.next() % 1_000_000_007) + 1_000_000_000)
        }
        redisOffset = 1_700_000_000_000_000 + Int64(random.next() % 1_000_003)
        self.random = random
    }

    private func draw(_ bound: Int64) -> Int64 { Int64(random.next() % UInt64(max(1, bound))) }

    private func schedule(_ step: Step, at: Int64) {
        scheduled += 1
        agenda.append((at, scheduled, step))
    }

    private func microseconds(_ time: Int64) -> Int64 { time / 1000 + redisOffset }

    // MARK: The run

    func run() {
        schedule(.request, at: 1)
        for outage in 0..<terms.outages {
            let begin = draw(terms.lasts)
            schedule(.hang, at: begin)
            schedule(.goOn(empty: outage < terms.losses), at: begin + draw(terms.lasts / 4) + 1)
        }
        while let index = agenda.indices.min(by: {
            (agenda[$0].at, agenda[$0].order) < (agenda[$1].at, agenda[$1].order)
        }) {
            let (at, _, step) = agenda.remove(at: index)
            carryOut(step, at)
            guard violations.isEmpty else { return }
        }
    }

    private func carryOut(_ step: Step, _ now: Int64) {
        switch step {
        case .request:
            request(now)
            let next = now + draw(terms.pause * 2) + 1
            if next < terms.lasts { schedule(.request, at: next) }
        case .execute(let number):
            if hangsUntilGoOn { held.append(number) } else { execute(number, now) }
        case .reply(let number): learn(number, now)
        case .timeout(let number): giveUp(number, now)
        case .hang: hangsUntilGoOn = true
        case .goOn(let empty):
            if empty { lose(now) }
            hangsUntilGoOn = false
            // A server that was killed has read nothing of it; one that hung goes on where it was.
            if !empty { for number in held { execute(number, now) } }
            held = []
        }
    }

    private func request(_ now: Int64) {
        let gateway = Int(draw(Int64(terms.gateways)))
        let key = Int(draw(Int64(terms.keys)))
        checkView(gateway, key, now)
        let own = fleet[gateway]
        if !own.believesInStore, now >= own.nextProbe {
            own.nextProbe = now + 50_000_000
            if !hangsUntilGoOn { own.believesInStore = true }
        }
        guard own.believesInStore else { return takeLocally(gateway, key, now) }
        var demand = TokenDemand(buckets[key])
        demand[0].cost = draw(8) == 0 ? 2 : 1
        own.view.peek(&demand, now: own.now(now))
        guard demand.refusal == nil else {
            knownDenied += 1
            return checkDenial(demand, key, now)
        }
        let number = sent.count
        sent.append(
            Command(
                gateway: gateway, key: key, demand: demand,
                hints: own.view.hints(for: demand, now: own.now(now)), asked: now))
        schedule(.execute(number), at: now + draw(draw(4) == 0 ? terms.slowest : terms.slowest / 10))
        schedule(.timeout(number), at: now + terms.budget)
    }

    private func execute(_ number: Int, _ now: Int64) {
        commands.append(sent[number].key)
        var demand = sent[number].demand
        sent[number].said = truth.take(&demand, hints: sent[number].hints, now: microseconds(now))
        sent[number].demand = demand
        guard draw(100) >= Int64(terms.lost) else { return }
        let isLate = draw(100) < Int64(terms.late)
        schedule(.reply(number), at: now + draw(isLate ? 5 * terms.budget : 2_000_000))
        // A request counts for the moment at which Redis has counted it.
        if demand.refusal == nil { executed[number] = now }
    }

    private var executed: [Int: Int64] = [:]

    private func learn(_ number: Int, _ now: Int64) {
        let command = sent[number]
        let own = fleet[command.gateway]
        own.view.learn(command.demand, command.said, asked: own.now(command.asked), now: own.now(now))
        guard !command.isDecided else { return }
        sent[number].isDecided = true
        own.believesInStore = true
        guard let at = executed[number] else { return refusals += 1 }
        admissions.append(
            Admission(
                at: at, gateway: command.gateway, key: command.key, isLocal: false,
                cost: command.demand[0].cost))
    }

    private func giveUp(_ number: Int, _ now: Int64) {
        guard !sent[number].isDecided else { return }
        sent[number].isDecided = true
        let own = fleet[sent[number].gateway]
        own.believesInStore = false
        own.nextProbe = now + 50_000_000
        takeLocally(sent[number].gateway, sent[number].key, now)
    }

    private func takeLocally(_ gateway: Int, _ key: Int, _ now: Int64) {
        let own = fleet[gateway]
        var demand = TokenDemand(buckets[key])
        demand[0].cost = 0
        own.view.peek(&demand, now: own.now(now))
        let left = demand[0].remaining
        demand[0].cost = 1
        own.view.take(&demand, share: Int64(terms.gateways), now: own.now(now))
        guard demand.refusal == nil else { return refusals += 1 }
        if own.leftAtFirst[key] == nil { own.leftAtFirst[key] = left }
        admissions.append(Admission(at: now, gateway: gateway, key: key, isLocal: true, cost: 1))
    }

    private func lose(_ now: Int64) {
        let known = buckets.map { $0.limit - truth.reading($0, now: microseconds(now) * 1000).remaining }
        let least = buckets.map { bucket in
            fleet.map { gateway -> Int64 in
                var demand = TokenDemand(bucket)
                gateway.view.peek(&demand, now: gateway.now(now))
                return bucket.limit - demand[0].remaining
            }.min() ?? 0
        }
        losses.append(Loss(at: now, known: known, leastKnown: least))
        truth.lose()
    }

    // MARK: What holds at any moment

    /// In normal operation no view says more than Redis knows.
    private func checkView(_ gateway: Int, _ key: Int, _ now: Int64) {
        guard terms.outages == 0, terms.late == 0 || !admissions.contains(where: \.isLocal) else { return }
        var demand = TokenDemand(buckets[key])
        demand[0].cost = 0
        fleet[gateway].view.peek(&demand, now: fleet[gateway].now(now))
        let known = truth.reading(buckets[key], now: microseconds(now) * 1000)
        if demand[0].remaining < known.remaining {
            violations.append("a view has \(demand[0].remaining) left where Redis has \(known.remaining)")
        }
    }

    /// What the view refuses, Redis would refuse.
    private func checkDenial(_ demand: TokenDemand, _ key: Int, _ now: Int64) {
        guard terms.outages == 0, !admissions.contains(where: \.isLocal) else { return }
        var bucket = buckets[key]
        bucket.cost = demand[0].cost
        if !truth.reading(bucket, now: microseconds(now) * 1000).isShort {
            violations.append("a view has refused what Redis would have admitted")
        }
    }
}
