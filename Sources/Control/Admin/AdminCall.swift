import Settings

/// One question of a command to an admin listener, and in the command's words why there is no answer.
package struct AdminCall: Sendable {
    /// As it was written.
    let address: String
    private let token: String?
    private let limit: Duration

    /// - Parameters:
    ///   - address: `127.0.0.1:9901`, `[::1]:9901`, `localhost:9901`, `:9901`, `unix:/path`.
    ///   - token: that of `admin.token`; empty is none.
    ///   - limit: for everything together.
    package init(address: String, token: String?, within limit: Duration = .seconds(3)) {
        self.address = address
        self.token = token?.isEmpty == true ? nil : token
        self.limit = limit
    }

    enum Reply<Answer> {
        case answer(Answer)
        case failed(CommandResult)

        func result(_ body: (Answer) -> CommandResult) -> CommandResult {
            switch self {
            case .answer(let answer): body(answer)
            case .failed(let result): result
            }
        }
    }

    /// The answer as it came, whatever its status.
    func ask(_ path: String) -> Reply<AdminClient.Reply> {
        put { client throws(AdminClient.Failure) in try client.get(path) }
    }

    /// The JSON of an answer with a status of success.
    func get(_ path: String) -> Reply<JSONValue> { value(ask(path)) }

    func post(_ path: String, _ body: JSONValue) -> Reply<JSONValue> {
        value(put { client throws(AdminClient.Failure) in try client.post(path, Array(body.text.utf8)) })
    }

    private func put(
        _ question: (AdminClient) throws(AdminClient.Failure) -> AdminClient.Reply
    ) -> Reply<AdminClient.Reply> {
        guard let target = AdminAddress.parse(address) else {
            return .failed(
                .failed(
                    "\(address) is no address: write it as 127.0.0.1:9901, [::1]:9901 or unix:/path", code: 2)
            )
        }
        do throws(AdminClient.Failure) {
            return .answer(try question(AdminClient(address: target, token: token, within: limit)))
        } catch {
            return .failed(failure(error))
        }
    }

    private func value(_ reply: Reply<AdminClient.Reply>) -> Reply<JSONValue> {
        switch reply {
        case .failed(let result): .failed(result)
        case .answer(let reply) where !(200..<300).contains(reply.status): .failed(refusal(reply))
        case .answer(let reply):
            JSONValue(parsing: reply.body).map { .answer($0) } ?? .failed(failure(.notHTTP))
        }
    }

    // MARK: Explaining

    /// What is said of an answer that is not what was asked for.
    func refusal(_ reply: AdminClient.Reply) -> CommandResult {
        let detail = JSONValue(parsing: reply.body)?["detail"]?.textValue ?? "no reason given"
        return .failed("\(address) answers \(reply.status): \(detail)")
    }

    func failure(_ failure: AdminClient.Failure) -> CommandResult {
        let reason =
            switch failure {
            case .unreachable(let error):
                "\(address) cannot be reached (\(error)): is the gateway running, with this admin.address?"
            case .timedOut: "\(address) did not answer within \(limit)"
            case .cutOff: "\(address) ended the connection before its answer was complete"
            case .notHTTP: "what answers at \(address) is no admin listener of Floodgate"
            case .badToken: "a token holds no blanks and only ASCII"
            }
        return .failed(reason)
    }
}

extension String {
    /// As a value in a query.
    var queryEscaped: String {
        utf8.map { byte in
            let isPlain =
                byte | 0x20 >= 0x61 && byte | 0x20 <= 0x7A || byte >= 0x30 && byte <= 0x39 || byte == 0x2E
                || byte == 0x3A || byte == 0x2D
            guard !isPlain else { return String(UnicodeScalar(byte)) }
            return "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
        }.joined()
    }
}
