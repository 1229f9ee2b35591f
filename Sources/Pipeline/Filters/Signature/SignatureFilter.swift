import Bytes
import HTTPModel
import JWT
import Telemetry
import Time

/// A secret, or two of them while one replaces the other, as one worker has them.
package struct SigningKey: Sendable {
    package let name: [UInt8]
    let secrets: [SigningSecret]

    init(_ settings: SigningKeySettings) {
        name = Array(settings.name.utf8)
        secrets = settings.secrets.map(SigningSecret.init)
    }
}

/// Requests that have to be signed. What is signed are six lines, each ended by a line feed:
///
///     floodgate-1
///     the method
///     the target: path and query as the client has sent them
///     the SHA-256 of the body, in lower-case hexadecimal
///     the time, in seconds since 1970
///     the nonce
///
/// The target is the received one, for a client knows no other; the same bytes are what routes and backends
/// get in normal form. Whatever is cheap comes first: the time, the key's name, then the body, which is held;
/// then the code, and last the nonce, so that nobody who has no secret makes us remember anything.
package struct SignatureFilter: Sendable {
    let keys: [SigningKey]
    let window: Duration
    let maximumBody: Int
    let fallback: SignedSettings.StoreFallback

    /// How long the store may take; its own limit is shorter.
    private static let storeBudget = Duration.seconds(1)

    /// Parts of the workspace.
    private enum Room {
        static let message = 0..<16_384
        static let code = 16_384..<16_512
        static let nonce = 16_512..<16_768
    }

    package func decide(
        _ exchange: inout ExchangeState, _ authenticator: borrowing Authenticator, now: WallTime,
        with answer: Answer? = nil
    ) -> (verdict: Verdict, result: AuthenticationResult?) {
        let field: SignatureField
        switch SignatureField.find(exchange.head) {
        case .none: return (.respond(.missingSignature), .missing)
        case .unreadable: return (.respond(.unreadableSignature), .malformed)
        case .one(let found): field = found
        }
        let workspace = authenticator.workspace.view
        switch answer {
        case nil: return begin(field, now)
        case .body(let body): return judge(body, field, exchange, workspace, now)
        case .bodyTooLarge: return (.respond(.signedBodyTooLarge), .malformed)
        case .store(.first): return (.next, .accepted)
        case .store(.seen): return (.respond(.replayed), .replayed)
        case .store(.full): return (.respond(.noncesUnavailable), .unavailable)
        // What does not answer in time may have noted the nonce: this gateway's memory has not.
        case .store(.unavailable), .expired:
            guard fallback == .local else { return (.respond(.noncesUnavailable), .unavailable) }
            return (remember(field, workspace, now, isLocal: true), nil)
        case .store, .tokens, .keys, .plan, .turn, .crowded:
            preconditionFailure("an answer to another question")
        }
    }

    /// What the head alone tells.
    private func begin(
        _ field: SignatureField, _ now: WallTime
    ) -> (verdict: Verdict, result: AuthenticationResult?) {
        guard (now.seconds - field.time).magnitude <= UInt64(window.components.seconds) else {
            return (.respond(.signatureOutOfTime), .expired)
        }
        guard key(field) != nil else { return (.respond(.wrongSignature), .unknownKey) }
        return (.ask(.body(limit: maximumBody), within: .zero), nil)
    }

    private func key(_ field: SignatureField) -> SigningKey? {
        keys.first { key in key.name.withView { $0.equals(field.keyID) } }
    }

    private func judge(
        _ body: ByteView, _ field: SignatureField, _ exchange: borrowing ExchangeState,
        _ workspace: MutableByteView, _ now: WallTime
    ) -> (verdict: Verdict, result: AuthenticationResult?) {
        // The body may have taken its time.
        guard (now.seconds - field.time).magnitude <= UInt64(window.components.seconds) else {
            return (.respond(.signatureOutOfTime), .expired)
        }
        var message = ByteWriter(workspace.slice(Room.message.lowerBound, Room.message.upperBound))
        Self.write(exchange.head, body, field, into: &message)
        var code = ByteWriter(workspace.slice(Room.code.lowerBound, Room.code.upperBound))
        guard !message.overflowed, Base64URL.decode(field.code, into: &code),
            code.count == SigningSecret.codeLength, let key = key(field),
            key.secrets.contains(where: { $0.matches(code.view, of: message.view) })
        else { return (.respond(.wrongSignature), .signature) }
        return (remember(field, workspace, now, isLocal: false), nil)
    }

    private static func write(
        _ head: borrowing RequestHead, _ body: ByteView, _ field: SignatureField,
        into writer: inout ByteWriter
    ) {
        writer.write("floodgate-1\n")
        writer.write(head.methodBytes)
        writer.write("\n")
        writer.write(head.pathBytes)
        if let query = head.queryBytes {
            writer.write("?")
            writer.write(query)
        }
        writer.write("\n")
        SHA256Value(of: body).write(into: &writer)
        writer.write("\n")
        writer.write(decimal: Int(field.time))
        writer.write("\n")
        writer.write(field.nonce)
        writer.write("\n")
    }

    /// Notes the nonce for as long as its signature is in time.
    private func remember(
        _ field: SignatureField, _ workspace: MutableByteView, _ now: WallTime, isLocal: Bool
    ) -> Verdict {
        var key = ByteWriter(workspace.slice(Room.nonce.lowerBound, Room.nonce.upperBound))
        key.write("signature:")
        key.write(field.keyID)
        key.write(":")
        key.write(field.nonce)
        // One second more: the time is told in whole ones.
        let left = field.time - now.seconds + window.components.seconds + 1
        let operation = StoreQuestion.Operation.once(key: key.view, lasts: .seconds(max(1, left)))
        return .ask(.store(StoreQuestion(operation, isLocal: isLocal)), within: Self.storeBudget)
    }

    /// - Parameter plan: Its keys, those that the route names.
    package init(_ settings: SignedSettings, _ plan: IdentityPlan) {
        keys = plan.signingKeys.filter { key in
            settings.keys.isEmpty || settings.keys.contains { Array($0.utf8) == key.name }
        }
        window = settings.window
        maximumBody = settings.maxBody
        fallback = settings.onStoreError
    }
}

// What those hear whose signatures do not do.
extension LocalResponse {
    private static let challenge = PinnedText("WWW-Authenticate: Signature realm=\"api\"\r\n")

    private static func refused(
        _ detail: StaticString, error: StaticString = "Authentication failed"
    ) -> LocalResponse {
        LocalResponse(
            status: 401, title: "Unauthorized", detail: detail, error: error, fields: challenge)
    }

    static let missingSignature = refused(
        "Requests to this path are signed: send X-Signature.", error: "Missing signature")
    static let unreadableSignature = refused(
        "X-Signature cannot be read: keyId, ts, nonce (16 to 64 letters or digits) and sig, each once.")
    static let signatureOutOfTime = refused("The signature's time is too far from ours.")
    static let wrongSignature = refused(
        "The signature is not the one of this request by a key that counts here.")
    static let replayed = refused("This request was seen before: sign it anew, with another nonce.")

    static let signedBodyTooLarge = LocalResponse(
        status: 413, title: "Content too large",
        detail: "The body is longer than may be signed on this route (signed.max_body).")

    static let noncesUnavailable = LocalResponse(
        status: 503, title: "Service unavailable",
        detail: "Whether this request was seen before cannot be told now. Try again in a moment.",
        error: "Authentication unavailable", retryAfter: 5)
}
