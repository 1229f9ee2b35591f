/// Why a request was not answered as it should be.
enum Failure: String, CaseIterable {
    /// Nobody listens. During a drain this is what new connections meet; it is no request that got lost.
    case refused
    /// The connect failed otherwise.
    case connectFailed = "connect_failed"
    /// TLS was not agreed on.
    case tlsFailed = "tls_failed"
    /// A reset on a connection that had answered before, before the first byte of this answer.
    case resetReused = "reset_reused"
    /// A reset on a new connection, before the first byte of the answer.
    case resetFresh = "reset_fresh"
    /// A reset inside an answer.
    case resetInAnswer = "reset_in_answer"
    /// An orderly end before the first byte, on a connection that had answered before.
    case closedReused = "closed_reused"
    /// An orderly end before the first byte, on a new connection.
    case closedFresh = "closed_fresh"
    /// An orderly end inside an answer.
    case shortAnswer = "short_answer"
    case badStatus = "bad_status"
    /// A whole answer of another length than asked for.
    case badLength = "bad_length"
    /// No status line, no length, or bytes behind the answer.
    case malformed
    case timedOut = "timed_out"
}
