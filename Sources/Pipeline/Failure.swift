import Telemetry

/// What can go wrong with an exchange after its head was understood. One table says who is to blame, what the
/// client is told and what the log says.
package enum Failure: Error, Equatable, Sendable, CaseIterable {
    /// No address of the upstream is known: none of its names has resolved.
    case noEndpoint
    /// All connections are busy and the queue is full.
    case queueFull
    /// All connections were busy for as long as a request may wait.
    case queueTimeout
    /// The gateway has no descriptor left to connect with.
    case noDescriptor
    /// The server could not be connected to.
    case connectFailed
    case connectTimeout
    /// TLS with the server could not be agreed on.
    case handshakeFailed
    /// The server's certificate is not to be trusted.
    case unverified
    /// The server took too long to take the request.
    case requestTimeout
    /// The connection broke before any part of an answer came.
    case upstreamClosed
    /// The server took too long to begin its answer.
    case responseTimeout
    /// The server's answer is no HTTP that could be passed on.
    case badResponse
    /// The connection broke inside the answer's body.
    case truncated
    /// The server fell silent inside the answer's body.
    case readTimeout
    /// The head for the server, with what the gateway adds, is too long.
    case headTooLarge
    /// The client's chunked body is no chunked body.
    case badBody
    /// The client's chunked body grew beyond the route's limit.
    case bodyTooLarge
    /// The client took too long to send its body.
    case bodyTimeout

    package var origin: Outcome.Origin {
        switch self {
        case .noEndpoint, .queueFull, .queueTimeout, .noDescriptor, .bodyTooLarge: .gateway
        case .connectFailed, .connectTimeout, .handshakeFailed, .unverified, .requestTimeout, .upstreamClosed,
            .responseTimeout,
            .badResponse,
            .truncated, .readTimeout:
            .upstream
        case .headTooLarge, .badBody, .bodyTimeout: .client
        }
    }

    /// Whether the client's connection ends with the answer: what is left of the body on it cannot be trusted
    /// or waited for.
    package var endsConnection: Bool {
        switch self {
        case .badBody, .bodyTooLarge, .bodyTimeout: true
        case .noEndpoint, .queueFull, .queueTimeout, .noDescriptor, .connectFailed, .connectTimeout,
            .handshakeFailed, .unverified, .requestTimeout,
            .upstreamClosed, .responseTimeout, .badResponse, .truncated, .readTimeout, .headTooLarge:
            false
        }
    }

    /// The answer, where one can still be given.
    package var response: LocalResponse {
        switch self {
        case .noEndpoint:
            LocalResponse(
                status: 503, title: "Service unavailable",
                detail: "No server of this service can be found now.",
                retryAfter: 5)
        case .queueFull, .queueTimeout:
            LocalResponse(
                status: 503, title: "Service unavailable",
                detail: "This service is busy. Try again in a moment.", retryAfter: 1)
        case .noDescriptor:
            LocalResponse(
                status: 503, title: "Service unavailable",
                detail: "The gateway has no connection left for this request. Try again in a moment.",
                retryAfter: 1)
        case .connectFailed:
            LocalResponse(
                status: 502, title: "Bad gateway", detail: "The service could not be reached.", retryAfter: 1)
        case .handshakeFailed:
            LocalResponse(
                status: 502, title: "Bad gateway",
                detail: "The service could not be reached: TLS with it failed.", retryAfter: 1)
        case .unverified:
            LocalResponse(
                status: 502, title: "Bad gateway",
                detail: "The service could not be reached: its certificate is not trusted.")
        case .upstreamClosed, .truncated:
            LocalResponse(
                status: 502, title: "Bad gateway", detail: "The service broke off before it had answered.")
        case .badResponse:
            LocalResponse(
                status: 502, title: "Bad gateway",
                detail: "The service gave an answer that is not valid HTTP.")
        case .connectTimeout, .requestTimeout, .responseTimeout, .readTimeout:
            LocalResponse(
                status: 504, title: "Gateway timeout", detail: "The service did not answer in time.")
        case .badBody:
            LocalResponse(status: 400, title: "Bad request", detail: "The body's chunks are not valid.")
        case .headTooLarge:
            LocalResponse(
                status: 431, title: "Request header fields too large",
                detail: "The request's head is too large.")
        case .bodyTooLarge: BodyLimitFilter.refusal
        case .bodyTimeout:
            LocalResponse(status: 408, title: "Request timeout", detail: "The body did not arrive in time.")
        }
    }
}
