import Settings

/// Requests of a route that are done once, however often they are sent (Idempotency-Key).
package struct IdempotencySettings: Equatable, Sendable {
    /// Whose keys are told apart. Keys are also told apart by route.
    package enum Holder: String, CaseIterable, Sendable {
        /// Each user; of whom nobody is known, the client's address.
        case user
        /// Each client address, whoever asks.
        case ip
    }

    /// What a request gets when the store that gateways share does not answer.
    package enum StoreError: String, CaseIterable, Sendable {
        /// This gateway's memory alone decides.
        case local
        /// 503: better no answer than a second one.
        case refuse
    }

    /// Methods that keys count for.
    package enum Method: String, CaseIterable, Sendable {
        case post = "POST"
        case patch = "PATCH"
        case put = "PUT"
        case delete = "DELETE"
    }

    /// Whether a request without a key is refused.
    package var required = false
    /// How long an answer is replayed.
    package var ttl: Duration = .seconds(86_400)
    /// How long a request may be under way before another may be sent in its place.
    package var lease: Duration = .seconds(120)
    /// How long a request waits for the one that is under way.
    package var wait: Duration = .seconds(10)
    /// Bytes of a request's body.
    package var maxBody = 64 << 10
    /// Bytes of an answer's body that are kept.
    package var maxAnswer = 256 << 10
    package var methods: [Method] = [.post, .patch]
    package var holder = Holder.user
    /// Whether an answer with a status of 500 and above is kept like others.
    package var keepsErrors = false
    package var onStoreError = StoreError.local

    package init() {}

    /// Bytes of a body that is held at once: a block of the gateway's, less what one read brings too much.
    package static let longestBody = 192 << 10
    /// Bytes of an answer that the store takes, less the longest head.
    package static let longestAnswer = StoreQuestion.longestAnswer - (64 << 10)
}

extension IdempotencySettings {
    package static let section = Section(
        """
        Requests with an Idempotency-Key are done once: what comes with the same key waits for the answer or \
        gets it again, marked `Idempotency-Replayed: true`.
        """,
        initial: IdempotencySettings(),
        fields: whom + howLong,
        check: { settings, _, reader in
            guard settings.wait > settings.lease else { return }
            reader.report(
                at: reader.mark(of: reader.path + [.key("wait")]),
                "\(reader.path.text): wait is at most lease: after that nobody is waited for")
        })

    private static let whom: [Field<IdempotencySettings>] = [
        Field(
            "required", \.required, .bool, reload: .live, "Whether a request without a key is refused (400).",
            example: "true"),
        Field(
            "by", \.holder, .choice, reload: .live,
            "Whose keys are told apart: users, else addresses (user), or addresses alone (ip).",
            example: "user"),
        Field(
            "methods", \.methods, .list(of: .choice, 1...4), reload: .live,
            "Methods that keys count for; others pass without.", example: "[POST, PATCH]"),
        Field(
            "keep_errors", \.keepsErrors, .bool, reload: .live,
            "Whether answers from 500 on are replayed too; else the next request is sent again.",
            example: "true"),
        Field(
            "on_store_error", \.onStoreError, .choice, reload: .live,
            "When Redis does not answer: this gateway's memory alone decides (local), or 503 (refuse).",
            example: "refuse"),
    ]

    private static let howLong: [Field<IdempotencySettings>] = [
        Field(
            "ttl", \.ttl, .duration(.seconds(1)...(.seconds(30 * 86_400))), reload: .live,
            "How long an answer is replayed.", example: "24h"),
        Field(
            "lease", \.lease, .duration(.seconds(1)...(.seconds(3600))), reload: .live,
            "How long a request may take before another is sent in its place: longer than any answer takes.",
            example: "60s"),
        Field(
            "wait", \.wait, .duration(.zero...(.seconds(300))), reload: .live,
            "How long a request waits for the one under way, then 409; 0 for not at all.", example: "10s"),
        Field(
            "max_body", \.maxBody, .bytes(0...longestBody), reload: .live,
            "Largest body of a request with a key, which is held until it has come whole; else 413.",
            example: "64KiB"),
        Field(
            "max_answer", \.maxAnswer, .bytes(0...longestAnswer), reload: .live,
            "Largest body of an answer that is kept; of a longer one only that it was given (409).",
            example: "256KiB"),
    ]
}
