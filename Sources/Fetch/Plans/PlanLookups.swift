import Addressing
import Bytes
import JSON
import Reactor
import Synchronization
import Telemetry
import Time

/// Where users' plans are asked for.
package struct PlanSource: Equatable, Sendable {
    package let template: URLTemplate
    /// Where in the answer the plan stands: `plan`, `user.subscription.plan`.
    package let member: JSONPath
    package var reach = FetchReach.global
    package var trust = FetchTrust.system
    /// Beside the usual ones, such as a token of the gateway's own.
    package var fields: [PlanField] = []
    package var timing = PlanTiming()

    package init(_ template: URLTemplate, member: JSONPath) {
        self.template = template
        self.member = member
    }

    /// Bytes of an answer.
    static let longestAnswer = 64 << 10
    /// For one question. Whoever waits has less patience (`Question.plan`); the answer is good for the next.
    static let deadline = Duration.seconds(5)
}

/// A field of the requests for plans.
package struct PlanField: Hashable, Sendable {
    package let name: String
    package let value: String

    package init(name: String, value: String) {
        self.name = name
        self.value = value
    }
}

/// Plans by asking a backend, once for all who want to know at a time, and kept for ten minutes (R35). One
/// table for the process; called from every worker.
package final class PlanLookups: Sendable {
    package typealias Reply = @Sendable (PlanValue) -> Void
    package typealias Ask = @Sendable (FetchRequest, @escaping @Sendable (FetchLoop.Answer) -> Void) -> Void

    private struct State {
        let source: PlanSource
        /// Tells it from an earlier one, whose answers may still be on their way.
        let number: Int
        var table: PlanTable<Reply>
    }

    package struct Statistics: Equatable, Sendable {
        /// Users that something is known of.
        package var users = 0
        /// Found in the table.
        package var hits: UInt64 = 0
        /// Answers of the backend: a plan; no plan; none that could be used.
        package var found: UInt64 = 0, none: UInt64 = 0, failed: UInt64 = 0

        package init(
            users: Int = 0, hits: UInt64 = 0, found: UInt64 = 0, none: UInt64 = 0, failed: UInt64 = 0
        ) {
            self.users = users
            self.hits = hits
            self.found = found
            self.none = none
            self.failed = failed
        }
    }

    /// Users that are remembered.
    package static let capacity = 50_000
    private let ask: Ask
    private let events: EventLog
    private let clock: @Sendable () -> Instant
    private let state = Mutex<State?>(nil)
    private let hits = Atomic<UInt64>(0)
    private let found = Atomic<UInt64>(0)
    private let none = Atomic<UInt64>(0)
    private let failed = Atomic<UInt64>(0)
    private let capacity: Int

    /// - Parameter ask: `FetchLoop.fetch`.
    package init(
        events: EventLog, ask: @escaping Ask, capacity: Int = PlanLookups.capacity,
        clock: @escaping @Sendable () -> Instant = { SystemClock.now() }
    ) {
        self.events = events
        self.ask = ask
        self.capacity = capacity
        self.clock = clock
    }

    /// Asks there from now on. What is known stays known where nothing has changed.
    package func follow(_ source: PlanSource?) {
        let waiting: [Reply] = state.withLock { state in
            guard state?.source != source else { return [] }
            let waiting = state?.table.endAll() ?? []
            let number = (state?.number ?? 0) + 1
            state = source.map {
                State(source: $0, number: number, table: PlanTable($0.timing, capacity: capacity))
            }
            return waiting
        }
        for reply in waiting { reply(.unknown) }
    }

    /// The plan of a user where it is known; nil where it has to be asked for. Does not wait, and allocates
    /// nothing where it is known.
    package func find(_ user: ByteView) -> PlanValue? {
        let now = clock()
        let fingerprint = user.fingerprint
        switch state.withLock({ $0?.table.find(fingerprint, now: now) ?? .known(.unknown) }) {
        case .known(let value):
            hits.add(1, ordering: .relaxed)
            return value
        case .refresh(let value):
            hits.add(1, ordering: .relaxed)
            // Other settings may have come since; then the table is another one, and nobody is asked about.
            let current = state.withLock { state in state.map { ($0.source, $0.number) } }
            if let (source, number) = current { send(Question(user.array(), fingerprint, source, number)) }
            return value
        case .missing: return nil
        }
    }

    /// Asks for the plan of a user. `reply` is called once: at once where there is nobody to ask, else when
    /// the backend has answered or failed, from any thread.
    package func ask(_ user: [UInt8], then reply: @escaping Reply) {
        let now = clock()
        let fingerprint = user.withView { $0.fingerprint }
        let (question, value): (Question?, PlanValue?) = state.withLock { state in
            guard var current = state.take() else { return (nil, .unknown) }
            defer { state = current }
            switch current.table.wait(fingerprint, reply, now: now, random: .random(in: 0 ... .max)) {
            case true: return (Question(user, fingerprint, current.source, current.number), nil)
            case false: return (nil, nil)
            case nil: return (nil, current.table.lastKnown(fingerprint, now: now))
            }
        }
        if let question { send(question) }
        if let value { reply(value) }
    }

    /// The best that is known of a user now, for who cannot wait any longer.
    package func lastKnown(_ user: ByteView) -> PlanValue {
        let now = clock()
        let fingerprint = user.fingerprint
        return state.withLock { $0?.table.lastKnown(fingerprint, now: now) ?? .unknown }
    }

    package var statistics: Statistics {
        Statistics(
            users: state.withLock { $0?.table.count ?? 0 }, hits: hits.load(ordering: .relaxed),
            found: found.load(ordering: .relaxed), none: none.load(ordering: .relaxed),
            failed: failed.load(ordering: .relaxed))
    }

    // MARK: The backend

    private struct Question: Sendable {
        let user: [UInt8]
        let fingerprint: UInt128
        let source: PlanSource
        let number: Int

        init(_ user: [UInt8], _ fingerprint: UInt128, _ source: PlanSource, _ number: Int) {
            self.user = user
            self.fingerprint = fingerprint
            self.source = source
            self.number = number
        }
    }

    private func send(_ question: Question) {
        guard let url = question.source.template.url(for: question.user) else {
            return heard(.none, question)
        }
        var request = FetchRequest(url)
        request.reach = question.source.reach
        request.trust = question.source.trust
        request.fields = question.source.fields.map { ($0.name, $0.value) }
        request.deadlines = FetchDeadlines(total: PlanSource.deadline)
        request.bodyLimit = PlanSource.longestAnswer
        ask(request) { [self] answer in heard(outcome(of: answer, question), question) }
    }

    private func outcome(of answer: FetchLoop.Answer, _ question: Question) -> PlanTable<Reply>.Outcome {
        switch answer {
        case .success(let response):
            switch response.status {
            case 404, 204: return .none
            case 200:
                switch PlanReader.plan(in: response.body, at: question.source.member) {
                case .plan(let plan): return .plan(plan)
                case .noPlan: return .none
                case .unknown: return failure("the answer holds no plan", question)
                }
            default: return failure("the backend answers with status \(response.status)", question)
            }
        case .failure(.busy): return .failed(byBackend: false)
        case .failure(let failure): return self.failure(failure.description, question)
        }
    }

    private func failure(_ reason: String, _ question: Question) -> PlanTable<Reply>.Outcome {
        events.log(
            .warning, "plans cannot be looked up, those known stay in use",
            ["from": "\(question.source.template)", "reason": reason], atMostEvery: .seconds(60))
        return .failed(byBackend: true)
    }

    private func heard(_ outcome: PlanTable<Reply>.Outcome, _ question: Question) {
        switch outcome {
        case .plan: found.add(1, ordering: .relaxed)
        case .none: none.add(1, ordering: .relaxed)
        case .failed: failed.add(1, ordering: .relaxed)
        }
        let now = clock()
        let (value, waiters): (PlanValue, [Reply]) = state.withLock { state in
            guard state?.number == question.number else { return (.unknown, []) }
            return state?.table.answered(
                question.fingerprint, outcome, now: now, random: .random(in: 0 ... .max))
                ?? (.unknown, [])
        }
        for reply in waiters { reply(value) }
    }
}
