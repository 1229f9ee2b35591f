import Settings

/// `floodgate bans`: asks a running gateway's admin listener whom it does not serve, and changes it. Exit
/// code 0 where that was done, 1 where it was refused or cannot be asked, 2 where the address is none.
package struct BansCommand: Sendable {
    package enum Action: Sendable {
        case list(json: Bool)
        case add(address: String, duration: String?)
        case lift(address: String)
    }

    private let access: AdminAccess
    private let action: Action

    package init(_ action: Action, access: AdminAccess) {
        self.action = action
        self.access = access
    }

    package func run() -> CommandResult {
        access.ask { client throws(AdminClient.Failure) in
            switch action {
            case .list: try client.get("/bans")
            case .add(let address, let duration):
                try client.post(
                    "/bans/add?address=\(address.queryEscaped)"
                        + (duration.map { "&for=\($0.queryEscaped)" } ?? ""))
            case .lift(let address): try client.post("/bans/lift?address=\(address.queryEscaped)")
            }
        } show: { reply in
            switch action {
            case .list(json: true): reply.indentedText
            case .list(json: false): table(of: reply["bans"]?.elements ?? [])
            case .add: "banned " + line(of: reply)
            case .lift(let address): "lifted the ban of \(address.withoutControls)\n"
            }
        }
    }

    private func table(of bans: [JSONValue]) -> String {
        bans.isEmpty ? "nobody is banned\n" : bans.map(line).joined()
    }

    private func line(of ban: JSONValue) -> String {
        func text(_ key: String) -> String { (ban[key]?.textValue ?? "-").withoutControls }
        let left = StatusReport.duration(seconds: Int64(ban["seconds_left"]?.integer ?? 0))
        return "\(text("address")) for \(text("cause")), until \(text("ends")) (\(left))\n"
    }
}

/// Where a command finds the admin listener, and with what it shows that it may ask.
package struct AdminAccess: Sendable {
    private let address: String
    private let token: String?
    private let limit: Duration

    /// - Parameter token: that of `admin.token`; empty is none.
    package init(address: String, token: String?, within limit: Duration = .seconds(3)) {
        self.address = address
        self.token = token?.isEmpty == true ? nil : token
        self.limit = limit
    }

    /// Asks, and shows a good answer; what is wrong is said in the way of all commands.
    func ask(
        _ question: (AdminClient) throws(AdminClient.Failure) -> AdminClient.Reply,
        show: (JSONValue) -> String
    ) -> CommandResult {
        guard let target = AdminAddress.parse(address) else {
            return complaint("\(address) is no address: write it as 127.0.0.1:9901 or unix:/path", code: 2)
        }
        do throws(AdminClient.Failure) {
            let reply = try question(AdminClient(address: target, token: token, within: limit))
            let content = JSONValue(parsing: reply.body)
            guard reply.status == 200, let content else {
                let detail = content?["detail"]?.textValue ?? "no reason given"
                return complaint("\(address) answers \(reply.status): \(detail)", code: 1)
            }
            return CommandResult(output: show(content), exitCode: 0)
        } catch {
            return complaint("\(address) cannot be asked (\(error)): is the gateway running?", code: 1)
        }
    }

    private func complaint(_ reason: String, code: Int32) -> CommandResult {
        CommandResult(complaint: "floodgate: \(reason.withoutControls)\n", exitCode: code)
    }
}

extension String {
    /// As a value in a query.
    fileprivate var queryEscaped: String {
        utf8.map { byte in
            let isPlain =
                byte | 0x20 >= 0x61 && byte | 0x20 <= 0x7A || byte >= 0x30 && byte <= 0x39 || byte == 0x2E
                || byte == 0x3A || byte == 0x2D
            guard !isPlain else { return String(UnicodeScalar(byte)) }
            return "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
        }.joined()
    }
}
