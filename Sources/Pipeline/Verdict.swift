/// What a filter decides. Filters decide; the driver does.
package enum Verdict {
    /// On to the next stage.
    case next
    /// The gateway answers itself; the upstream never hears of it.
    case respond(LocalResponse)
    /// The filter needs to know something first. The driver asks, owns the deadline and delivers the answer
    /// to the same stage.
    case ask(Question, within: Duration)
}

/// What a filter asks. Data, not a closure: it can be sent elsewhere, logged and simulated.
package enum Question {
    /// Take the tokens that the route's rules ask for this request (`RateLimitFilter.demand`), all or none.
    case takeTokens
}

/// What comes back.
package enum Answer {
    case tokens(TokenDecision)
    /// No answer within the deadline.
    case expired
}
