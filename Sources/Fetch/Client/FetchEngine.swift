import Addressing
import Bytes
import Reactor
import TLS
import Time

/// The loop's state: connections, who waits for one, and answers that are to be handed out. Lives on one
/// thread.
struct FetchEngine: ~Copyable {
    struct Slot {
        var generation: UInt32 = 0
        var connection: FetchConnection?
    }

    private enum Token {
        static let mailbox = UInt64.max

        static func connection(_ slot: Int, _ generation: UInt32) -> UInt64 {
            UInt64(generation) << 16 | UInt64(slot)
        }
    }

    private let mailbox: Mailbox<FetchLoop.Message>
    let names: NameDesk
    let capacity: FetchCapacity
    var network: LinuxNetwork
    let wire = Wire(longestMessage: FetchEngine.pieceSize)
    /// What arrives.
    let input = Scratch(size: FetchEngine.pieceSize)
    /// The same, decrypted.
    let plain = Scratch(size: FetchEngine.pieceSize + Wire.slack)
    var slots: [Slot]
    var waiting: [FetchJob] = []
    var book = NameBook()
    var contexts = FetchContexts()
    var now = SystemClock.now()
    private var answers: [(FetchJob, FetchLoop.Answer)] = []
    private var isRunning = true

    /// Bytes that are read, and encrypted, at once.
    static let pieceSize = 16_384

    init(mailbox: Mailbox<FetchLoop.Message>, names: NameDesk, capacity: FetchCapacity) throws(SystemError) {
        let network = try LinuxNetwork()
        try network.epoll.addLevelTriggered(mailbox.descriptor, token: Token.mailbox)
        self.mailbox = mailbox
        self.names = names
        self.capacity = capacity
        self.network = network
        slots = Array(repeating: Slot(), count: max(1, min(capacity.connections, 1024)))
    }

    /// One turn: false where it was the last.
    mutating func turn() -> Bool {
        let count = network.epoll.wait(milliseconds: waitingTime())
        now = SystemClock.now()
        for index in 0..<count {
            let (token, readiness) = network.epoll.event(index)
            if token == Token.mailbox {
                hearMessages()
            } else {
                ready(token, readiness)
            }
        }
        expire()
        serveWaiting()
        if !isRunning { endAll() }
        return isRunning
    }

    mutating func takeAnswers() -> [(FetchJob, FetchLoop.Answer)] {
        defer { answers = [] }
        return answers
    }

    /// Milliseconds to the next deadline, rounded up; -1 where there is none.
    private func waitingTime() -> Int32 {
        var next = Instant.distantFuture
        for slot in slots { if let deadline = slot.connection?.deadline { next = min(next, deadline) } }
        for job in waiting { next = min(next, job.deadline) }
        guard next < .distantFuture else { return -1 }
        return Int32(clamping: (max(0, next - SystemClock.now()) + 999_999) / 1_000_000)
    }

    private mutating func hearMessages() {
        for message in mailbox.take() {
            switch message {
            case .fetch(let job): waiting.append(job)
            case .resolved(let name, let result): resolved(name, result)
            case .stop: isRunning = false
            }
        }
    }

    private mutating func ready(_ token: UInt64, _ readiness: Readiness) {
        let slot = Int(token & 0xFFFF)
        guard slot < slots.count, let phase = slots[slot].connection?.phase,
            Token.connection(slot, slots[slot].generation) == token
        else { return }
        if readiness.contains(.writable) {
            if case .connect = phase { connectFinished(slot) } else { flush(slot) }
        }
        if readiness.contains(.readable) { read(slot, slots[slot].generation) }
    }

    mutating func watch(_ socket: Socket, _ slot: Int) throws(SystemError) {
        try network.watch(socket, token: Token.connection(slot, slots[slot].generation))
    }

    // MARK: Who is served

    /// Begins what can be begun, first come, first served within a service. What fails at once makes room
    /// for others, and what a kept connection fails comes back: again, until nothing is begun.
    private mutating func serveWaiting() {
        var hasBegun = true
        while hasBegun, !waiting.isEmpty {
            let jobs = waiting
            waiting = []
            var left: [FetchJob] = []
            for job in jobs where !begin(job) { left.append(job) }
            hasBegun = left.count < jobs.count
            waiting += left
        }
    }

    /// False where the job has to wait.
    private mutating func begin(_ job: FetchJob) -> Bool {
        let service = job.service
        let own = slots.indices.filter { slots[$0].connection?.service == service }
        if !job.needsNewConnection, let kept = own.first(where: { slots[$0].connection?.isIdle == true }) {
            slots[kept].connection?.job = job
            sendRequest(kept)
            return true
        }
        guard own.count < capacity.connectionsPerService || closeIdle(of: own), let slot = freeSlot() else {
            return false
        }
        slots[slot].connection = FetchConnection(job, now: now)
        lookUp(slot)
        return true
    }

    private mutating func closeIdle(of candidates: [Int]) -> Bool {
        guard let idle = candidates.first(where: { slots[$0].connection?.isIdle == true }) else {
            return false
        }
        close(idle)
        return true
    }

    /// A slot without a connection, or that of a connection nobody uses.
    private mutating func freeSlot() -> Int? {
        if let free = slots.firstIndex(where: { $0.connection == nil }) { return free }
        guard let idle = slots.firstIndex(where: { $0.connection?.isIdle == true }) else { return nil }
        close(idle)
        return idle
    }

    // MARK: Ends

    /// The connection's request has its answer.
    mutating func answer(_ slot: Int, _ answer: FetchLoop.Answer) {
        guard let job = slots[slot].connection?.job else { return }
        slots[slot].connection?.job = nil
        answers.append((job, answer))
    }

    /// The request has failed, and the connection with it.
    mutating func fail(_ slot: Int, _ failure: FetchFailure) {
        answer(slot, .failure(failure))
        close(slot)
    }

    mutating func close(_ slot: Int) {
        guard let connection = slots[slot].connection else { return }
        connection.tls?.free()
        if let socket = connection.socket { network.close(socket) }
        slots[slot].connection = nil
        slots[slot].generation &+= 1
    }

    private mutating func expire() {
        for slot in slots.indices {
            guard let connection = slots[slot].connection, connection.deadline <= now else { continue }
            if case .connect = connection.phase, now < connection.connectDeadline {
                connectNext(slot, otherwise: .timedOut(waitingFor: .connect))
            } else {
                fail(slot, .timedOut(waitingFor: connection.phase.failure))
            }
        }
        for job in waiting where job.deadline <= now {
            answers.append((job, .failure(.timedOut(waitingFor: .turn))))
        }
        let now = now
        waiting.removeAll { $0.deadline <= now }
    }

    private mutating func endAll() {
        for slot in slots.indices { fail(slot, .stopped) }
        for job in waiting { answers.append((job, .failure(.stopped))) }
        waiting = []
    }
}
