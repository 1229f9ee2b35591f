import Settings

/// `floodgate status`: asks a running gateway's admin listener. Exit code 0 where it is ready for requests, 1
/// where it drains or cannot be asked, 2 where the address is none.
package struct StatusCommand: Sendable {
    package enum Form: Sendable {
        /// For people; with escape codes where they look at a terminal.
        case table(StatusReport.Style)
        case json
        /// Nothing but the exit code, and the reason of a failure.
        case quiet
    }

    private let form: Form
    private let call: AdminCall

    package init(_ form: Form, _ call: AdminCall) {
        self.form = form
        self.call = call
    }

    package func run() -> CommandResult {
        switch form {
        case .quiet: probe()
        case .table(let style): show { StatusReport($0, style: style).text }
        case .json: show { $0.json.indentedText.withEscapedControls }
        }
    }

    private func probe() -> CommandResult {
        call.ask("/readyz").result { reply in
            switch reply.status {
            case 200: CommandResult(exitCode: 0)
            case 503: .failed("the gateway at \(call.address) is not ready for requests")
            default: call.refusal(reply)
            }
        }
    }

    private func show(_ render: (GatewayStatus) -> String) -> CommandResult {
        call.get("/status").result { answer in
            guard let status = GatewayStatus(json: answer) else { return call.failure(.notHTTP) }
            let isGood = status.isReady && status.state == .running
            return CommandResult(output: render(status), exitCode: isGood ? 0 : 1)
        }
    }
}

extension String {
    /// JSON text whose strings hold control characters beyond those that JSON escapes itself, with these
    /// escaped too.
    fileprivate var withEscapedControls: String {
        var text = ""
        for scalar in unicodeScalars {
            if (0x7F...0x9F).contains(scalar.value) {
                text += "\\u00" + String(scalar.value, radix: 16)
            } else {
                text.unicodeScalars.append(scalar)
            }
        }
        return text
    }
}
