import Addressing
import Reactor
import Synchronization
import Time

/// How much a loop does at once.
package struct FetchCapacity: Sendable {
    /// Requests at work or waiting; one more is refused at once.
    package var requests = 512
    /// Connections, idle ones included.
    package var connections = 32
    /// Connections to one service, so that a slow one leaves the others theirs.
    package var connectionsPerService = 8
    /// How long a connection is kept for the next request: below what most services grant.
    package var idle = Duration.seconds(15)
    /// How long a connection is used at all, so that a service that has moved is found again.
    package var age = Duration.seconds(300)
    /// How long a name's addresses are used for further connections.
    package var names = Duration.seconds(10)

    package init() {}
}

/// The gateway's own HTTP client, for what it asks on its own account: key sets, plans, alerts. A thread
/// with a loop; no cookies, no proxies, no redirects. Where a target's address is not one that its request
/// may reach, nothing is sent, and the address that was looked at is the one that is connected to.
package final class FetchLoop: Sendable {
    package typealias Answer = Result<FetchResponse, FetchFailure>
    package typealias LookUp = @Sendable (String) throws(NameLookup.Failure) -> [IPAddress]

    enum Message: Sendable {
        case fetch(FetchJob)
        case resolved(name: String, Result<[IPAddress], NameLookup.Failure>)
        case stop
    }

    private enum Life {
        case notStarted, running, stopped
    }

    private let mailbox: Mailbox<Message>
    private let lookUp: LookUp
    private let capacity: FetchCapacity
    private let life = Mutex(Life.notStarted)
    /// Requests that have no answer yet.
    private let pending = Atomic<Int>(0)

    /// The threads start with the first request.
    ///
    /// - Parameter lookUp: finds the addresses of a name, waiting as long as that takes; on a thread of its
    /// own.
    package init(
        _ capacity: FetchCapacity = FetchCapacity(),
        lookUp: @escaping LookUp = { name throws(NameLookup.Failure) in try NameLookup.addresses(of: name) }
    ) throws(SystemError) {
        self.capacity = capacity
        self.lookUp = lookUp
        mailbox = try Mailbox()
    }

    /// Asks, from any thread. `then` is called once: on the loop's thread, where it must not wait for
    /// anything, or at once where there is no room for another request or the loop has stopped.
    package func fetch(_ request: FetchRequest, then: @escaping @Sendable (Answer) -> Void) {
        guard let message = request.message() else { return then(.failure(.invalidRequest)) }
        guard pending.add(1, ordering: .relaxed).newValue <= capacity.requests else {
            pending.subtract(1, ordering: .relaxed)
            return then(.failure(.busy))
        }
        let job = FetchJob(
            request: request, message: message, deadline: SystemClock.now() + request.deadlines.total,
            then: then)
        guard let failure = post(job) else { return }
        pending.subtract(1, ordering: .relaxed)
        then(.failure(failure))
    }

    /// Under the lock, so that nothing is posted behind the thread's last look.
    private func post(_ job: FetchJob) -> FetchFailure? {
        life.withLock { life in
            switch life {
            case .stopped: return .stopped
            case .running: break
            case .notStarted:
                do throws(SystemError) {
                    try start()
                } catch {
                    return .unreachable(error)
                }
                life = .running
            }
            mailbox.post(.fetch(job))
            return nil
        }
    }

    private func start() throws(SystemError) {
        let mailbox = mailbox
        let names = try NameDesk(lookUp) { name, result in mailbox.post(.resolved(name: name, result)) }
        do throws(SystemError) {
            try Thread.start(name: "fetch") { [self] in run(names) }
        } catch {
            names.stop()
            throw error
        }
    }

    /// Ends the loop; what has no answer yet gets `stopped`. Does not wait for it; from any thread. To be
    /// called by whoever made it: the thread keeps the loop alive.
    package func stop() {
        life.withLock { life in
            switch life {
            case .running: mailbox.post(.stop)
            case .notStarted: life = .stopped
            case .stopped: break
            }
        }
    }

    /// Whether nothing runs any more, after `stop`.
    package var isStopped: Bool {
        life.withLock { life in
            switch life {
            case .stopped: true
            case .notStarted, .running: false
            }
        }
    }

    private func run(_ names: NameDesk) {
        while true {
            do throws(SystemError) {
                var engine = try FetchEngine(mailbox: mailbox, names: names, capacity: capacity)
                while engine.turn() { settle(&engine) }
                settle(&engine)
                break
            } catch {
                // The process has no descriptor left at the moment: requests meanwhile wait for their turn.
                SystemClock.pause(.seconds(1))
            }
        }
        names.stop()
        let left = life.withLock { life in
            life = .stopped
            return mailbox.take()
        }
        for case .fetch(let job) in left { job.then(.failure(.stopped)) }
    }

    /// Hands answers out once the engine's state is whole again.
    private func settle(_ engine: inout FetchEngine) {
        for (job, answer) in engine.takeAnswers() {
            pending.subtract(1, ordering: .relaxed)
            job.then(answer)
        }
    }
}

/// A request on its way.
struct FetchJob: Sendable {
    let request: FetchRequest
    let message: [UInt8]
    /// For all of it.
    let deadline: Instant
    let then: @Sendable (FetchLoop.Answer) -> Void
    /// Set once a kept connection has failed it: the next one is new.
    var needsNewConnection = false

    init(
        request: FetchRequest, message: [UInt8], deadline: Instant,
        then: @escaping @Sendable (FetchLoop.Answer) -> Void
    ) {
        self.request = request
        self.message = message
        self.deadline = deadline
        self.then = then
    }

    /// Connections serve only requests that have the same.
    var service: FetchService {
        FetchService(
            scheme: request.url.scheme, host: request.url.host, port: request.url.port, trust: request.trust,
            reach: request.reach)
    }
}

/// What requests must have in common to share connections.
struct FetchService: Hashable, Sendable {
    let scheme: HTTPURL.Scheme
    let host: HTTPURL.Host
    let port: UInt16
    let trust: FetchTrust
    let reach: FetchReach
}
