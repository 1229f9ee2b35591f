import Addressing
import Bytes
import Reactor
import TLS
import Time

/// One connection of the loop and the request that it serves. Lives on the loop's thread, in a slot.
struct FetchConnection {
    enum Phase {
        case lookup, connect, handshake, head, body, idle

        var failure: FetchFailure.Phase {
            switch self {
            case .lookup: .lookup
            case .connect: .connect
            case .handshake: .handshake
            case .head: .head
            case .body, .idle: .body
            }
        }
    }

    let service: FetchService
    var phase = Phase.lookup
    /// When the phase has lasted too long.
    var deadline: Instant
    /// The request in work; none while the connection is idle.
    var job: FetchJob?
    /// Those that are still to be tried.
    var addresses: [IPAddress] = []
    /// When all attempts to connect are over.
    var connectDeadline: Instant
    var socket: Socket?
    var tls: TLSSession?
    /// Encrypted where the connection is, and not sent.
    var unsent: [UInt8] = []
    var reader = ResponseReader(bodyLimit: 0)
    /// Requests that were answered here before.
    var answered = 0
    let made: Instant

    init(_ job: FetchJob, now: Instant) {
        service = job.service
        self.job = job
        connectDeadline = min(job.deadline, now + job.request.deadlines.connect)
        deadline = connectDeadline
        made = now
    }

    var isIdle: Bool { job == nil }

    /// Whether the request may be sent once more elsewhere: a service may close a kept connection at any
    /// moment, and has not read what came after (RFC 9112 §9.3.1).
    var mayRetry: Bool {
        guard answered > 0, !reader.hasBegun, let job, !job.needsNewConnection else { return false }
        return switch job.request.method {
        case .get: true
        case .post: false
        }
    }
}
