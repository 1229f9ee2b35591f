// What those hear whose key does not let their request through.
extension LocalResponse {
    static let missingKey = LocalResponse(
        status: 400, title: "Bad request",
        detail: "This path wants an Idempotency-Key: a string that is new for each thing to be done.",
        error: "Idempotency-Key missing")

    static let malformedKey = LocalResponse(
        status: 400, title: "Bad request",
        detail: "Idempotency-Key is one string of 1 to 255 visible characters, in quotes or without.",
        error: "Idempotency-Key malformed")

    static let keyOfAnother = LocalResponse(
        status: 422, title: "Unprocessable content",
        detail: "This Idempotency-Key was used for another request. Take a new one for what is new.",
        error: "Idempotency-Key reused")

    static let inProgress = LocalResponse(
        status: 409, title: "Conflict",
        detail: "A request with this Idempotency-Key is still under way. Ask again for its answer.",
        error: "Request in progress", retryAfter: 1)

    package static let notKept = LocalResponse(
        status: 409, title: "Conflict",
        detail: "The request was done, but its answer was too long to be kept. Look up what it has done.",
        error: "Answer not kept")

    static let bodyTooLongForKey = LocalResponse(
        status: 413, title: "Content too large",
        detail: "The body is longer than one with an Idempotency-Key may be (idempotency.max_body).")

    static let keysUnavailable = LocalResponse(
        status: 503, title: "Service unavailable",
        detail: "Whether this Idempotency-Key is new cannot be found out now. Nothing was done: try again.",
        error: "Idempotency unavailable", retryAfter: 1)
}
