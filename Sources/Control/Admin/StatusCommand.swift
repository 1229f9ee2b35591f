import Addressing
import Settings

/// What a command has to say: the caller writes it and exits.
package struct CommandResult: Equatable, Sendable {
    /// For standard output; ends with a line end where it is not empty.
    package var output = ""
    /// For standard error, likewise.
    package var complaint = ""
    package var exitCode: Int32

    package init(output: String = "", complaint: String = "", exitCode: Int32) {
        self.output = output
        self.complaint = complaint
        self.exitCode = exitCode
    }
}

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

    private let address: String
    private let token: String?
    private let form: Form
    private let limit: Duration

    /// - Parameters:
    ///   - address: `127.0.0.1:9901`, `[::1]:9901`, `localhost:9901`, `:9901`, `unix:/path`.
    ///   - token: that of `admin.token`; empty is none.
    package init(address: String, token: String?, form: Form, within limit: Duration = .seconds(3)) {
        self.address = address
        self.token = token?.isEmpty == true ? nil : token
        self.form = form
        self.limit = limit
    }

    package func run() -> CommandResult {
        guard let target = AdminAddress.parse(address) else {
            return .failed(
                "\(address) is no address: write it as 127.0.0.1:9901, [::1]:9901 or unix:/path", code: 2)
        }
        do throws(AdminClient.Failure) {
            let client = AdminClient(address: target, token: token, within: limit)
            switch form {
            case .quiet: return try probe(client)
            case .table(let style): return try show(client) { StatusReport($0, style: style).text }
            case .json: return try show(client) { $0.json.indentedText.withEscapedControls }
            }
        } catch {
            return .failed(explanation(of: error))
        }
    }

    private func probe(_ client: AdminClient) throws(AdminClient.Failure) -> CommandResult {
        let reply = try client.get("/readyz")
        switch reply.status {
        case 200: return CommandResult(exitCode: 0)
        case 503: return .failed("the gateway at \(address) is not ready for requests")
        default: return .failed(explanation(of: reply))
        }
    }

    private func show(
        _ client: AdminClient, _ render: (GatewayStatus) -> String
    ) throws(AdminClient.Failure) -> CommandResult {
        let reply = try client.get("/status")
        guard reply.status == 200 else { return .failed(explanation(of: reply)) }
        guard let status = JSONValue(parsing: reply.body).flatMap(GatewayStatus.init(json:)) else {
            return .failed(explanation(of: .notHTTP))
        }
        let isGood = status.isReady && status.state == .running
        return CommandResult(output: render(status), exitCode: isGood ? 0 : 1)
    }

    // MARK: Explaining

    private func explanation(of failure: AdminClient.Failure) -> String {
        failure.explanation(address, limit)
    }

    private func explanation(of reply: AdminClient.Reply) -> String {
        let detail = JSONValue(parsing: reply.body)?["detail"]?.textValue ?? "no reason given"
        return "\(address) answers \(reply.status): \(detail)"
    }
}

extension AdminClient.Failure {
    /// What a command says where the listener at an address did not answer within a time.
    func explanation(_ address: String, _ limit: Duration) -> String {
        switch self {
        case .unreachable(let error):
            "\(address) cannot be reached (\(error)): is the gateway running, with this admin.address?"
        case .timedOut: "\(address) did not answer within \(limit)"
        case .cutOff: "\(address) ended the connection before its answer was complete"
        case .notHTTP: "what answers at \(address) is no admin listener of Floodgate"
        case .badToken: "a token holds no blanks and only ASCII"
        }
    }
}

extension CommandResult {
    static func failed(_ reason: String, code: Int32 = 1) -> CommandResult {
        CommandResult(complaint: "floodgate: \(reason.withoutControls)\n", exitCode: code)
    }
}

/// Where a command finds the admin listener.
package enum AdminAddress {
    /// `127.0.0.1:9901`, `[::1]:9901`, `localhost:9901`, `:9901` (this machine), `unix:/path`, and `http://`
    /// before one of the first four; nil for anything else.
    package static func parse(_ text: String) -> SocketAddress? {
        if text.hasPrefix("unix:") {
            let path = text.dropFirst(5)
            let isPath = (1...SocketAddress.longestPath).contains(path.utf8.count) && !path.utf8.contains(0)
            return isPath ? .unix(path: String(path)) : nil
        }
        var rest = text[...]
        if rest.hasPrefix("http://") {
            rest = rest.dropFirst(7)
            if rest.hasSuffix("/") { rest = rest.dropLast() }
        }
        guard let colon = rest.lastIndex(of: ":") else { return nil }
        let digits = rest[rest.index(after: colon)...]
        guard digits.utf8.allSatisfy({ $0 &- 0x30 < 10 }), let port = UInt16(digits), port > 0 else {
            return nil
        }
        let host = rest[..<colon]
        if host.isEmpty || host.lowercased() == "localhost" { return .ip(.loopback, port: port) }
        if host.hasPrefix("["), host.hasSuffix("]") {
            guard let address = Addressing.IPAddress(String(host.dropFirst().dropLast())), !address.isIPv4
            else { return nil }
            return .ip(address, port: port)
        }
        guard let address = Addressing.IPAddress(String(host)), address.isIPv4 else { return nil }
        return .ip(address, port: port)
    }
}

extension String {
    /// Control characters replaced: what came over the network must not steer a terminal.
    var withoutControls: String {
        String(
            String.UnicodeScalarView(
                unicodeScalars.map { $0.properties.generalCategory == .control ? "\u{FFFD}" : $0 }))
    }

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
