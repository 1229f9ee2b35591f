import Bytes
import Time

/// Names one command to whoever asked it: an exchange, say, and what its reply means.
package struct Ticket: Equatable, Sendable {
    package var id: UInt64
    /// Which of the questions of whoever asked it is.
    package var number: UInt32
    package var kind: UInt8

    package init(id: UInt64, number: UInt32 = 0, kind: UInt8 = 0) {
        self.id = id
        self.number = number
        self.kind = kind
    }
}

/// What a session wants done, or has to say.
package enum SessionEvent {
    /// Connect, and say how that went: `connected`, `connectionEnded`.
    case connect
    /// Close the connection: it is of no more use.
    case close
    /// A command's reply, an error of Redis included. Valid until the next event.
    case reply(Ticket, Reply, nanoseconds: Int64)
    /// The command belongs to another node of the cluster: it was not run here. Valid until the next event.
    case redirected(Redirection, StrayCommand)
    /// No reply came within the command's limit. One that comes later is nobody's.
    case expired(Ticket)
    /// The connection has ended before the reply: nobody knows what became of the command.
    case failed(Ticket)
    /// Nothing is asked from now on: commands are refused at once.
    case lost(Loss)
    /// Commands are taken again.
    case returned
}

/// A command that its server has sent elsewhere, with all that is needed to ask it there.
package struct StrayCommand {
    package let ticket: Ticket
    /// As it was sent. Looks into the session's memory: valid until its next event.
    package let bytes: ByteView
    package let deadline: Instant
    package let script: Script?
    /// Servers that have sent it elsewhere so far.
    package let hops: UInt8

    /// A cluster that sends a command further than this knows not itself what it has: once for a map that is
    /// old, once for a slot that is moving, once for both at the same moment.
    package static let maximumHops: UInt8 = 3
}

/// Why there is no connection, in words for a log line. Never holds a secret.
package enum Loss: Error, Equatable, Sendable, CustomStringConvertible {
    /// The name of the host has no address now.
    case unresolved
    case connectFailed(String)
    case connectTimeout
    case encryption(String)
    case closedByServer
    case broken
    case notRedis(String)
    /// The server does not want us: wrong password, no such database.
    case refused(String)
    /// Commands in a row were not answered in time.
    case hung
    /// Nobody can say which server to ask.
    case unfound(String)
    /// What was asked for is another node's now.
    case moved

    package var description: String {
        switch self {
        case .unresolved: "the host's name has no address"
        case .connectFailed(let reason): reason
        case .connectTimeout: "not connected in time"
        case .encryption(let reason): "TLS failed: \(reason)"
        case .closedByServer: "the server has closed the connection"
        case .broken: "the connection broke"
        case .notRedis(let reason): "what the server says is not Redis: \(reason)"
        case .refused(let reason): reason
        case .hung: "the server does not answer in time"
        case .unfound(let reason): reason
        case .moved: "the keys are another node's now"
        }
    }
}

/// Why a command was not taken.
package enum Rejection: Equatable, Sendable {
    /// The server is lost: nobody waits for it.
    case down
    /// As many commands wait as may.
    case full
}

/// What a session has counted since it was made.
package struct SessionCounts: Equatable, Sendable {
    package var commands = 0
    package var replies = 0
    /// Replies that were errors.
    package var errors = 0
    package var expired = 0
    package var failed = 0
    package var refused = 0
    /// Commands that were another node's.
    package var redirected = 0
    package var connects = 0
    package var losses = 0

    package init() {}
}
