import Settings

/// `floodgate bans`: asks a running gateway's admin listener whom it does not serve, and changes it.
package struct BansCommand: Sendable {
    package enum Action: Sendable {
        case list(json: Bool)
        case add(address: String, duration: String?)
        case lift(address: String)
    }

    private let call: AdminCall
    private let action: Action

    package init(_ action: Action, _ call: AdminCall) {
        self.action = action
        self.call = call
    }

    package func run() -> CommandResult {
        reply().result { answer in
            let text =
                switch action {
                case .list(json: true): answer.indentedText
                case .list(json: false): table(of: answer["bans"]?.elements ?? [])
                case .add: "banned " + line(of: answer)
                case .lift(let address): "lifted the ban of \(address.withoutControls)\n"
                }
            return CommandResult(output: text, exitCode: 0)
        }
    }

    private func reply() -> AdminCall.Reply<JSONValue> {
        switch action {
        case .list: return call.get("/bans")
        case .add(let address, let duration):
            let span = duration.map { "&for=\($0.queryEscaped)" } ?? ""
            return call.post("/bans/add?address=\(address.queryEscaped)\(span)", .object([]))
        case .lift(let address):
            return call.post("/bans/lift?address=\(address.queryEscaped)", .object([]))
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
