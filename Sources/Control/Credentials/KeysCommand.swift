import Pipeline
import Reactor
import Settings
import Time

/// `floodgate keys`: makes, lists, replaces and revokes API keys, in a file or by a running gateway's admin
/// listener.
package struct KeysCommand: Sendable {
    package enum Place: Sendable {
        case file(String)
        case admin(AdminCall)
    }

    private let place: Place
    private let now: WallTime

    package init(_ place: Place, now: WallTime = SystemClock.wallTime()) {
        self.place = place
        self.now = now
    }

    /// The key stands on standard output, alone: it can be piped to where it is needed. All else is said
    /// beside it.
    package func create(_ order: APIKeyOrder) -> CommandResult {
        switch place {
        case .admin(let call): return shown(call.post("/keys", order.json))
        case .file(let path):
            return change(path) { records throws(APIKeyOrder.Failure) in try fill(order, into: &records) }
        }
    }

    package func rotate(id: String, grace: Duration?, expires: WallTime?) -> CommandResult {
        switch place {
        case .admin(let call):
            var members: [(String, JSONValue)] = [("id", .string(id))]
            if let grace { members.append(("grace", .string(Quantity.text(grace)))) }
            if let expires { members.append(("expires", .string(expires.timestamp))) }
            return shown(call.post("/keys/rotate", .object(members)))
        case .file(let path):
            return change(path) { records throws(APIKeyOrder.Failure) in
                let index = try place(of: id, in: records)
                guard records[index].state(at: now) == .valid else {
                    throw APIKeyOrder.Failure("\(id) does not count any more: make a new key")
                }
                let order = APIKeyOrder(like: records[index], expires: expires ?? records[index].expires)
                let result = try fill(order, into: &records)
                records[index] = records[index].ending(after: grace ?? APIKeyRecord.grace, now: now)
                return result
            }
        }
    }

    package func revoke(id: String, removes: Bool) -> CommandResult {
        switch place {
        case .admin(let call):
            let members: [(String, JSONValue)] = [("id", .string(id)), ("remove", .bool(removes))]
            return call.post("/keys/revoke", .object(members)).result { _ in
                CommandResult(complaint: "\(id) is revoked\n", exitCode: 0)
            }
        case .file(let path):
            return change(path) { records throws(APIKeyOrder.Failure) in
                let index = try place(of: id, in: records)
                records[index] = records[index].ending(after: .zero, now: now)
                if removes { records.remove(at: index) }
                return CommandResult(complaint: "\(id) is revoked\n", exitCode: 0)
            }
        }
    }

    package func list(asJSON: Bool) -> CommandResult {
        switch place {
        case .admin(let call):
            return call.get("/keys").result { answer in
                asJSON
                    ? CommandResult(output: answer.indentedText, exitCode: 0)
                    : CommandResult(output: KeyTable.text(answer["keys"]?.elements ?? []), exitCode: 0)
            }
        case .file(let path):
            do throws(APIKeyOrder.Failure) {
                let keys = try APIKeyFile(path: path).read().map { $0.shown(at: now) }
                let output =
                    asJSON ? JSONValue.object([("keys", .array(keys))]).indentedText : KeyTable.text(keys)
                return CommandResult(output: output, exitCode: 0)
            } catch {
                return .failed(error.description)
            }
        }
    }

    // MARK: A file

    private func change(
        _ path: String, _ body: (inout [APIKeyRecord]) throws(APIKeyOrder.Failure) -> CommandResult
    ) -> CommandResult {
        do throws(APIKeyOrder.Failure) {
            return try APIKeyFile(path: path).change(body)
        } catch {
            return .failed(error.description)
        }
    }

    private func fill(
        _ order: APIKeyOrder, into records: inout [APIKeyRecord]
    ) throws(APIKeyOrder.Failure) -> CommandResult {
        var random = SystemRandomNumberGenerator()
        let ids = Set(records.map(\.id))
        let made = try order.fill(now: now, &random) { ids.contains($0) }
        records.append(made.record)
        return Self.shown(key: made.key, id: made.record.id.text)
    }

    private func place(of id: String, in records: [APIKeyRecord]) throws(APIKeyOrder.Failure) -> Int {
        guard let index = records.firstIndex(where: { $0.id.text == id }) else {
            throw APIKeyOrder.Failure("no key has the id \(id): floodgate keys list shows them")
        }
        return index
    }

    // MARK: Answers

    private func shown(_ reply: AdminCall.Reply<JSONValue>) -> CommandResult {
        reply.result { answer in
            guard let key = answer["key"]?.textValue, let id = answer["record"]?["id"]?.textValue else {
                return .failed("the gateway's answer is not understood")
            }
            return Self.shown(key: key, id: id)
        }
    }

    private static func shown(key: String, id: String) -> CommandResult {
        CommandResult(
            output: key + "\n", complaint: "key \(id): it is shown once, and kept as a hash only\n",
            exitCode: 0)
    }
}

/// Keys as a table for people.
private enum KeyTable {
    static func text(_ keys: [JSONValue]) -> String {
        let names = ["id", "state", "owner", "plan", "scopes", "expires", "note"]
        var rows = [names.map { $0.uppercased() }]
        rows += keys.map { key in
            names.map { name in
                let list = key[name]?.elements?.compactMap(\.textValue).joined(separator: " ")
                return (list ?? key[name]?.textValue ?? "-").withoutControls
            }
        }
        let widths = names.indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        let lines = rows.map { row in
            let cells = zip(row, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }
            let line = cells.joined(separator: "  ")
            return String(line.prefix(line.count - line.reversed().prefix { $0 == " " }.count))
        }
        return lines.joined(separator: "\n") + "\n"
    }
}
