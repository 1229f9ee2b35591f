import Settings

/// One question of a command to an admin listener, with JSON both ways.
package struct AdminCall: Sendable {
    private let address: String
    private let token: String?
    private let limit: Duration

    /// - Parameters:
    ///   - address: `127.0.0.1:9901`, `[::1]:9901`, `localhost:9901`, `:9901`, `unix:/path`.
    ///   - token: that of `admin.token`; empty is none.
    package init(address: String, token: String?, within limit: Duration = .seconds(3)) {
        self.address = address
        self.token = token?.isEmpty == true ? nil : token
        self.limit = limit
    }

    enum Reply {
        case answer(JSONValue)
        /// Why there is none, for people.
        case failed(CommandResult)

        func result(_ body: (JSONValue) -> CommandResult) -> CommandResult {
            switch self {
            case .answer(let value): body(value)
            case .failed(let result): result
            }
        }
    }

    func get(_ path: String) -> Reply {
        ask { client throws(AdminClient.Failure) in try client.get(path) }
    }

    func post(_ path: String, _ body: JSONValue) -> Reply {
        ask { client throws(AdminClient.Failure) in try client.post(path, Array(body.text.utf8)) }
    }

    private func ask(
        _ question: (AdminClient) throws(AdminClient.Failure) -> AdminClient.Reply
    ) -> Reply {
        guard let target = AdminAddress.parse(address) else {
            return .failed(
                .failed("\(address) is no address: write it as 127.0.0.1:9901, [::1]:9901 or unix:/path"))
        }
        let reply: AdminClient.Reply
        do throws(AdminClient.Failure) {
            reply = try question(AdminClient(address: target, token: token, within: limit))
        } catch {
            return .failed(.failed(error.explanation(address, limit)))
        }
        let value = JSONValue(parsing: reply.body)
        guard (200..<300).contains(reply.status), let value else {
            let detail = value?["detail"]?.textValue ?? "no reason given"
            return .failed(.failed("\(address) answers \(reply.status): \(detail)"))
        }
        return .answer(value)
    }
}
