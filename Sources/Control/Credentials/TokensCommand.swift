import Settings
import Time

/// `floodgate tokens`: ends tokens before their time, by a running gateway's admin listener.
package struct TokensCommand {
    /// What is to be revoked.
    package enum Target {
        case tokenID(String, issuer: String)
        /// All tokens of a subject that were issued before a time; nil is now.
        case subject(String, issuer: String, before: WallTime?)
        case token(String)
    }

    private let call: AdminCall

    package init(_ call: AdminCall) { self.call = call }

    package func revoke(_ target: Target, until: WallTime) -> CommandResult {
        var members: [(String, JSONValue)] =
            switch target {
            case .tokenID(let id, let issuer): [("jti", .string(id)), ("issuer", .string(issuer))]
            case .subject(let subject, let issuer, let before):
                [("subject", .string(subject)), ("issuer", .string(issuer))]
                    + (before.map { [("issued_before", .string($0.timestamp))] } ?? [])
            case .token(let token): [("token", .string(token))]
            }
        members.append(("until", .string(until.timestamp)))
        return call.post("/revocations", .object(members)).result { answer in
            let key = answer["key"]?.textValue ?? "?"
            return CommandResult(output: "\(key.withoutControls)\n", exitCode: 0)
        }
    }

    package func restore(key: String) -> CommandResult {
        call.post("/revocations/remove", .object([("key", .string(key))])).result { _ in
            CommandResult(complaint: "\(key) counts again\n", exitCode: 0)
        }
    }

    package func list(asJSON: Bool) -> CommandResult {
        call.get("/revocations").result { answer in
            if asJSON { return CommandResult(output: answer.indentedText, exitCode: 0) }
            let lines = (answer["revocations"]?.elements ?? []).map { entry in
                let words = ["kind", "key", "until", "issued_before"].compactMap { entry[$0]?.textValue }
                return words.joined(separator: "  ").withoutControls
            }
            return CommandResult(output: lines.map { $0 + "\n" }.joined(), exitCode: 0)
        }
    }
}
