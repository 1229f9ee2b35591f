import Addressing
import Bytes
import HTTPModel
import JWT
import Telemetry
import Time

/// Lets one request of each Idempotency-Key through and makes the others wait for its answer. Knows neither
/// who keeps the answers nor who wakes those that wait: it asks.
package struct IdempotencyFilter: Sendable {
    package let settings: IdempotencySettings
    /// The route's name: keys of one route are nothing to another.
    private let route: [UInt8]

    package init(_ settings: IdempotencySettings, route: String) {
        self.settings = settings
        self.route = Array(route.utf8)
    }

    /// How long the store may take to answer; its own settings may say less.
    package static let storeBudget = Duration.seconds(1)
    /// Who waits asks again after this, whatever it hears: a lease may have ended.
    package static let slowestPoll = Duration.seconds(1)
    /// The same where other gateways share the store, of whose settlements nobody hears: the first time, and
    /// at most, after twice as long each time.
    package static let firstSharedPoll = Duration.milliseconds(50)
    package static let slowestSharedPoll = Duration.milliseconds(250)

    package typealias Decision = (verdict: Verdict, result: IdempotencyResult?)

    /// - Parameters:
    ///   - owner: A number that no other request has.
    ///   - isShared: Whether other gateways ask the same store.
    package func decide(
        _ exchange: inout ExchangeState, owner: UInt64, isShared: Bool, now: Instant,
        with answer: Answer? = nil
    ) -> Decision {
        guard let request = exchange.idempotency else { return begin(&exchange, owner: owner) }
        switch request.phase {
        case .holding: return heldBody(exchange, request, answer)
        case .beginning: return began(request, answer, isShared: isShared, now: now)
        case .waiting:
            if case .crowded = answer { return refuse(request, .inProgress, .busy) }
            // Whoever was at it may be done, or the time to ask again has come.
            return askStore(request)
        case .leading, .settled: return (.next, nil)
        }
    }

    // MARK: The request

    private func begin(_ exchange: inout ExchangeState, owner: UInt64) -> Decision {
        guard counts(exchange.head) else { return (.next, nil) }
        switch IdempotencyKey.read(exchange.head) {
        case .none:
            return settings.required ? (.respond(.missingKey), .missing) : (.next, nil)
        case .malformed:
            return (.respond(.malformedKey), .malformed)
        case .key(let key):
            exchange.idempotency = IdempotentRequest(
                key: storeKey(key, exchange), owner: owner, settings: settings)
            return (.ask(.body(limit: settings.maxBody), within: .zero), nil)
        }
    }

    /// Whether keys count for a request. Tunnels and calls of gRPC are conversations, not requests with an
    /// answer.
    private func counts(_ head: borrowing RequestHead) -> Bool {
        guard let token = head.method.token, !head.wantsUpgrade else { return false }
        if let type = head.value(of: .contentType), GRPC.isNamed(by: type) { return false }
        return settings.methods.contains { ByteView(token).equals($0.token) }
    }

    /// Keys of one holder on one route are nothing to any other.
    private func storeKey(_ key: [UInt8], _ exchange: borrowing ExchangeState) -> [UInt8] {
        var digest = SHA256Digest()
        route.withView { Self.add($0, to: &digest) }
        if settings.holder == .user, let identity = exchange.identity, !identity.subject.view.isEmpty {
            digest.add(1)
            Self.add(identity.issuer.view, to: &digest)
            Self.add(identity.subject.view, to: &digest)
        } else {
            digest.add(0)
            for shift in [96, 64, 32, 0] {
                digest.add(Int(exchange.client.bits >> UInt128(shift) & 0xFFFF_FFFF))
            }
        }
        key.withView { digest.add($0) }
        return digest.bytes()
    }

    private func heldBody(
        _ exchange: borrowing ExchangeState, _ request: IdempotentRequest, _ answer: Answer?
    ) -> Decision {
        switch answer {
        case .body(let body):
            request.fingerprint = PinnedText(bytes: fingerprint(exchange, body))
            return askStore(request)
        case .bodyTooLarge:
            request.settle()
            return (.respond(.bodyTooLongForKey), .tooLarge)
        case .tokens, .keys, .plan, .store, .turn, .crowded, .expired, nil:
            preconditionFailure("a body was asked for")
        }
    }

    /// Two requests with one key must be the same. The credential that the gateway did not look at is part of
    /// them: of who is not known here, nobody else behind the same address gets the answer.
    private func fingerprint(_ exchange: borrowing ExchangeState, _ body: ByteView) -> [UInt8] {
        let credential = exchange.identity == nil ? exchange.head.value(of: .authorization) : nil
        var digest = SHA256Digest()
        Self.add(exchange.head.methodBytes, to: &digest)
        Self.add(exchange.head.authorityBytes, to: &digest)
        Self.add(exchange.path, to: &digest)
        Self.add(exchange.head.queryBytes, to: &digest)
        Self.add(credential, to: &digest)
        digest.add(body)
        return digest.bytes()
    }

    /// A piece that is absent is another than an empty one.
    private static func add(_ piece: ByteView?, to digest: inout SHA256Digest) {
        guard let piece else { return digest.add(0) }
        digest.add(piece.count + 1)
        digest.add(piece)
    }

    // MARK: The store

    private func askStore(_ request: IdempotentRequest) -> Decision {
        request.phase = .beginning
        let question = StoreQuestion(
            .begin(
                key: request.key.view, fingerprint: request.fingerprint.view, owner: request.owner,
                lease: settings.lease),
            isLocal: request.isLocal)
        return (.ask(.store(question), within: Self.storeBudget), nil)
    }

    private func began(
        _ request: IdempotentRequest, _ answer: Answer?, isShared: Bool, now: Instant
    ) -> Decision {
        guard case .store(let said) = answer else { return storeIsAway(request) }
        switch said {
        case .started:
            request.phase = .leading(until: now + settings.lease)
            return (.next, .begun)
        case .inProgress(let fingerprint):
            guard request.isLike(fingerprint) else { return refuse(request, .keyOfAnother, .reused) }
            return wait(request, isShared: isShared && !request.isLocal, now: now)
        case .done(let fingerprint, let message):
            guard request.isLike(fingerprint) else { return refuse(request, .keyOfAnother, .reused) }
            guard !message.isEmpty else { return refuse(request, .notKept, .notKept) }
            request.settle()
            return (.replay(message), .replayed)
        case .full:
            return refuse(request, .keysUnavailable, .unavailable)
        case .unavailable, .first, .seen, .finished:
            return storeIsAway(request)
        }
    }

    private func storeIsAway(_ request: IdempotentRequest) -> Decision {
        guard settings.onStoreError == .local, !request.isLocal else {
            return refuse(request, .keysUnavailable, .unavailable)
        }
        request.isLocal = true
        return askStore(request)
    }

    private func refuse(
        _ request: IdempotentRequest, _ response: LocalResponse, _ result: IdempotencyResult
    ) -> Decision {
        request.settle()
        return (.respond(response), result)
    }

    // MARK: Waiting

    private func wait(_ request: IdempotentRequest, isShared: Bool, now: Instant) -> Decision {
        let isFirst = request.waitsUntil == nil
        let end = request.waitsUntil ?? now + settings.wait
        request.waitsUntil = end
        guard now < end else { return refuse(request, .inProgress, .busy) }
        request.phase = .waiting
        let pause = isShared ? Self.sharedPause(after: request.polls) : Self.slowestPoll
        request.polls += 1
        return (.ask(.turn, within: min(pause, .nanoseconds(end - now))), isFirst ? .waiting : nil)
    }

    static func sharedPause(after polls: Int) -> Duration {
        min(firstSharedPoll * (1 << min(polls, 8)), slowestSharedPoll)
    }
}

extension IdempotencySettings.Method {
    fileprivate var token: StaticString {
        switch self {
        case .post: "POST"
        case .patch: "PATCH"
        case .put: "PUT"
        case .delete: "DELETE"
        }
    }
}
