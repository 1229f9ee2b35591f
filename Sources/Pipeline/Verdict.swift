import Bytes
import Telemetry

/// What a filter decides. Filters decide; the driver does.
package enum Verdict {
    /// On to the next stage.
    case next
    /// The gateway answers itself; the upstream never hears of it.
    case respond(LocalResponse)
    /// The answer that the same request was given before, as `AnswerCapture` has kept it.
    case replay([UInt8])
    /// The filter needs to know something first. The driver asks, owns the deadline and delivers the answer
    /// to the same stage.
    case ask(Question, within: Duration)
}

/// What a filter asks. Data, not a closure: it can be sent elsewhere, logged and simulated.
package enum Question {
    /// Take the tokens of the exchange's claim, all or none.
    case takeTokens
    /// All of the request's body, before anything of the request goes on. The client's own time limits for
    /// bodies hold while it is waited for; `within` says nothing here.
    ///
    /// - Parameter limit: Bytes of payload that are held at most.
    case body(limit: Int)
    /// Keys of a token source, by its index, that may have come or changed since.
    case keys(source: Int)
    /// The plan of the user whom the exchange's identity names, from the backend that knows it.
    case plan
    /// Something of the store that all gateways share. Its bytes are looked at before the question returns.
    case store(StoreQuestion)
    /// Whether the request that is under way with the same Idempotency-Key has been settled.
    case turn
}

/// What comes back.
package enum Answer {
    case tokens(TokenAnswer)
    /// The whole body, without its framing; empty where there is none. Valid until the filter returns.
    case body(ByteView)
    /// The body is longer than was asked for. What has been held of it is not lost: if the filter lets the
    /// request through, it goes on with it.
    case bodyTooLarge
    /// The keys are as new as they can be had now.
    case keys
    /// The plan's name; nil where the backend knows none, or does not say.
    case plan(PinnedText?)
    case store(StoreAnswer)
    /// It has been, or may have been.
    case turn
    /// As many wait for such a thing as may.
    case crowded
    /// No answer within the deadline.
    case expired
}
