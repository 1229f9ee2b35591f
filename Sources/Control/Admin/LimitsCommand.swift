import Settings

/// `floodgate limits`: asks a running gateway's admin listener what is left of a limit, and lets it begin
/// anew.
package struct LimitsCommand: Sendable {
    private let action: LimitAction
    private let limit: String
    private let holder: String
    private let isJSON: Bool
    private let call: AdminCall

    package init(_ action: LimitAction, limit: String, holder: String, json: Bool = false, _ call: AdminCall)
    {
        self.action = action
        self.limit = limit
        self.holder = holder
        isJSON = json
        self.call = call
    }

    package func run() -> CommandResult {
        let query = "?limit=\(limit.queryEscaped)&holder=\(holder.queryEscaped)"
        let reply =
            switch action {
            case .show: call.get("/limits\(query)")
            case .reset: call.post("/limits/reset\(query)", .object([]))
            }
        return reply.result { answer in
            CommandResult(output: isJSON ? answer.indentedText : text(of: answer), exitCode: 0)
        }
    }

    private func text(of answer: JSONValue) -> String {
        let counters = answer["counters"]?.elements ?? []
        let lines = counters.map { counter in
            func number(_ key: String) -> Int { counter[key]?.integer ?? 0 }
            let name = (counter["name"]?.textValue ?? "-").withoutControls
            let left = "\(number("remaining")) of \(number("limit")) left"
            let reset = StatusReport.duration(seconds: Int64(number("reset_seconds")))
            return "\(name): \(left), all of it in \(reset)\n"
        }
        let isView = answer["from"]?.textValue == LimitCounters.Origin.view.rawValue
        let origin = isView ? "Redis is away: this is what the gateway knows\n" : ""
        let before = action == .reset ? "was reset; before:\n" : ""
        return before + lines.joined() + origin
    }
}
