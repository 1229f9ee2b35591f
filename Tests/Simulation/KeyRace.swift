import Bytes
import HTTP1
import HTTPModel
import Pipeline
import Proxy
import Stores
import Telemetry
import Time

/// Requests with few Idempotency-Keys on some workers, in an order and with delays that a seed draws: the
/// filter, the memory and the turns are the real ones, and whatever a worker does between them takes time.
final class KeyRace {
    private static let millisecond: Int64 = 1_000_000
    /// A message between workers takes no longer than this.
    private static let slowestMail: Int64 = 50 * millisecond

    /// What a request does next.
    private enum Step {
        case answer(Answer?)
        case wait(until: Int64)
        case call(until: Int64, End)
        case over
    }

    private enum End: CaseIterable { case kept, kept2, notFinal, crashed }

    private final class Runner {
        var state: ExchangeState
        let worker: Int
        let key: Int
        let variant: Int
        var step = Step.answer(nil)
        /// When the store was asked last, and when it began to wait.
        var asked: Int64 = 0
        var waitsSince: Int64?

        init(_ state: consuming ExchangeState, worker: Int, key: Int, variant: Int) {
            self.state = state
            self.worker = worker
            self.key = key
            self.variant = variant
        }
    }

    private var dice: RandomSource
    private var now: Int64 = 1_000_000_000
    private let records = MemoryRecords()
    private let turns = KeyTurns()
    private let filter: IdempotencyFilter
    private let settings: IdempotencySettings
    private var runners: [Runner] = []
    private var waiting: [[UInt128: Set<Int>]]
    private var mail: [(at: Int64, worker: Int, place: UInt128)] = []
    /// Calls that are under way, and until when each of them has its key.
    private var calls: [(runner: Int, key: Int, leaseEnds: Int64)] = []
    /// What was kept for a key, and for which request.
    private var kept: [Int: (variant: Int, message: [UInt8])] = [:]
    /// When a key was settled last.
    private var settledAt: [Int: Int64] = [:]
    private let crashes: Bool
    private(set) var violations: [String] = []
    private(set) var results: [String: Int] = [:]

    init(seed: UInt64) throws {
        dice = RandomSource(seed: seed)
        crashes = seed % 3 == 0
        var settings = IdempotencySettings()
        settings.lease = .seconds(2)
        settings.wait = .milliseconds(1500)
        settings.ttl = .seconds(20)
        self.settings = settings
        filter = IdempotencyFilter(settings, route: "r")
        let workers = Int.random(in: 1...4, using: &dice)
        waiting = Array(repeating: [:], count: workers)
        let keys = Int.random(in: 1...3, using: &dice)
        for _ in 0..<Int.random(in: 5...50, using: &dice) {
            let key = Int.random(in: 0..<keys, using: &dice)
            let variant = Int.random(in: 0..<10, using: &dice) == 0 ? 1 : 0
            let state = try Self.state(key: key, variant: variant)
            let worker = Int.random(in: 0..<workers, using: &dice)
            runners.append(Runner(state, worker: worker, key: key, variant: variant))
        }
    }

    private static func state(key: Int, variant: Int) throws -> ExchangeState {
        var pool = BufferPool()
        var buffer = pool.take(.small)
        let text = "POST /\(variant) HTTP/1.1\r\nHost: a\r\nIdempotency-Key: k\(key)\r\n\r\n"
        Array(text.utf8).withView { buffer.append($0) }
        var head = RequestHead()
        var parser = RequestParser(limits: HeadLimits())
        _ = try parser.parse(buffer.view, into: &head)
        var state = ExchangeState(
            head: head, buffer: buffer, peer: .loopback, isEncrypted: false, localPort: nil)
        state.path = state.head.pathBytes
        return state
    }

    func run() {
        for _ in 0..<100_000 where violations.isEmpty {
            deliverMail()
            let ready = runners.indices.filter(isReady)
            guard let index = ready.randomElement(using: &dice) else {
                guard let next = nextInstant else { return checkEnd() }
                now = max(now, next)
                continue
            }
            advance(index)
            now += Int64.random(in: 0...2, using: &dice) * Self.millisecond
        }
        if violations.isEmpty { violations.append("it does not end") }
    }

    private func isReady(_ index: Int) -> Bool {
        switch runners[index].step {
        case .answer: true
        case .wait(let until), .call(let until, _): until <= now
        case .over: false
        }
    }

    private var nextInstant: Int64? {
        let instants = runners.compactMap { runner -> Int64? in
            switch runner.step {
            case .answer, .over: nil
            case .wait(let until), .call(let until, _): until
            }
        }
        return (instants + mail.map(\.at)).min()
    }

    private func advance(_ index: Int) {
        switch runners[index].step {
        case .answer(let answer): decide(index, answer)
        case .wait:
            checkMissed(index)
            decide(index, .expired)
        case .call(_, let end): endCall(index, end)
        case .over: break
        }
    }

    /// Whoever waits is woken soon after its key was settled, not by its own clock.
    private func checkMissed(_ index: Int) {
        guard let settled = settledAt[runners[index].key], let since = runners[index].waitsSince,
            settled > since, now - settled > 10 * Self.slowestMail,
            !calls.contains(where: { $0.key == runners[index].key })
        else { return }
        violations.append("request \(index) was not woken")
    }

    private func decide(_ index: Int, _ answer: Answer?) {
        let runner = runners[index]
        if let request = runner.state.idempotency, !request.isBeginning {
            request.settlements = turns.settlements
        }
        let decision = filter.decide(
            &runner.state, owner: dice.next(), isShared: false, now: Instant(nanoseconds: now), with: answer)
        if let request = runner.state.idempotency, !request.isWaiting { leave(index, request.place) }
        if let result = decision.result { results["\(result)", default: 0] += 1 }
        switch decision.verdict {
        case .next: beginCall(index)
        case .respond(let response): refused(index, response.status)
        case .replay(let message): replayed(index, message)
        case .ask(.body, _): runner.step = .answer(.body(.empty))
        case .ask(.store(let question), _):
            runner.asked = now
            // What comes between the store's answer and its being heard is drawn too.
            runner.step = .answer(
                .store(records.answer(question.operation, now: Instant(nanoseconds: now))))
        case .ask(.turn, let pause): wait(index, pause)
        case .ask(.takeTokens, _), .ask(.keys, _), .ask(.plan, _): violations.append("another question")
        }
    }

    private func wait(_ index: Int, _ pause: Duration) {
        guard let request = runners[index].state.idempotency else { return }
        runners[index].waitsSince = runners[index].waitsSince ?? now
        let worker = runners[index].worker
        guard turns.watch(request.place, worker: worker, since: request.settlements) else {
            runners[index].step = .answer(.turn)
            return
        }
        waiting[worker][request.place, default: []].insert(index)
        runners[index].waitsSince = now
        runners[index].step = .wait(until: now + pause.nanoseconds)
    }

    private func leave(_ index: Int, _ place: UInt128) {
        let worker = runners[index].worker
        guard waiting[worker][place]?.remove(index) != nil, waiting[worker][place]?.isEmpty == true else {
            return
        }
        waiting[worker][place] = nil
        turns.leave(place, worker: worker)
    }

    private func beginCall(_ index: Int) {
        let runner = runners[index]
        let lease = runner.asked + settings.lease.nanoseconds
        for call in calls where call.key == runner.key && call.leaseEnds > runner.asked {
            violations.append("requests \(call.runner) and \(index) are both sent with key \(runner.key)")
        }
        calls.append((index, runner.key, lease))
        let ends = crashes ? End.allCases : [.kept, .kept2, .notFinal]
        let longest: Int64 = crashes ? 3000 : 1400
        let time = Int64.random(in: 1...longest, using: &dice) * Self.millisecond
        runner.step = .call(until: now + time, ends.randomElement(using: &dice) ?? .kept)
    }

    private func endCall(_ index: Int, _ end: End) {
        let runner = runners[index]
        runner.step = .over
        calls.removeAll { $0.runner == index }
        guard let request = runner.state.idempotency, request.isLeading else { return }
        let instant = Instant(nanoseconds: now)
        let said: StoreAnswer
        switch end {
        case .crashed: return
        case .kept, .kept2:
            let message = Array("answer of \(index)".utf8)
            said = message.withView {
                records.answer(
                    .finish(
                        key: request.key.view, owner: request.owner, answer: $0, lasts: settings.ttl),
                    now: instant)
            }
            if said == .finished(true) { kept[runner.key] = (runner.variant, message) }
        case .notFinal:
            said = records.answer(
                .abandon(key: request.key.view, owner: request.owner), now: instant)
        }
        results["\(said)", default: 0] += 1
        settledAt[runner.key] = now
        let workers = turns.settle(request.place)
        for worker in waiting.indices where workers & 1 << UInt64(worker) != 0 {
            let delay =
                worker == runner.worker ? 0 : Int64.random(in: 0...Self.slowestMail, using: &dice)
            mail.append((now + delay, worker, request.place))
        }
    }

    private func deliverMail() {
        let due = mail.filter { $0.at <= now }
        mail.removeAll { $0.at <= now }
        for letter in due {
            guard let woken = waiting[letter.worker].removeValue(forKey: letter.place) else { continue }
            turns.leave(letter.place, worker: letter.worker)
            for index in woken {
                guard case .wait = runners[index].step else { continue }
                runners[index].step = .answer(.turn)
            }
        }
    }

    private func refused(_ index: Int, _ status: Int) {
        runners[index].step = .over
        let others = runners.contains { $0.key == runners[index].key && $0.variant != runners[index].variant }
        switch status {
        case 409: break
        case 422: if !others { violations.append("request \(index) is like all others, and got 422") }
        default: violations.append("request \(index) got \(status)")
        }
    }

    private func replayed(_ index: Int, _ message: [UInt8]) {
        runners[index].step = .over
        guard let kept = kept[runners[index].key], kept.message == message,
            kept.variant == runners[index].variant
        else { return violations.append("request \(index) got an answer that is not its own") }
    }

    private func checkEnd() {
        if turns.count != 0 { violations.append("\(turns.count) keys are still waited for") }
        if waiting.contains(where: { !$0.isEmpty }) { violations.append("somebody still waits") }
    }
}
