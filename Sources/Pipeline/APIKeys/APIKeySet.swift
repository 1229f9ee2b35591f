import Bytes
import JSON
import Settings
import Time

/// The API keys of a file: `{"keys": [ … ]}`. Immutable; read by all workers, and by each of them only for
/// keys that it does not remember.
package final class APIKeySet: Sendable {
    /// Keys of a file.
    package static let most = 100_000
    /// Bytes of a file.
    package static let longestFile = 32 << 20

    package let records: [APIKeyRecord]
    private let places: [APIKeyID: Int]

    package init(_ records: [APIKeyRecord] = []) {
        self.records = records
        places = Dictionary(
            records.enumerated().map { ($0.element.id, $0.offset) }, uniquingKeysWith: { first, _ in first })
    }

    package subscript(id: APIKeyID) -> APIKeyRecord? { places[id].map { records[$0] } }

    /// Why a file holds no keys: where in it, and what to do.
    package struct Fault: Error, Equatable, Sendable, CustomStringConvertible {
        /// From 1.
        package let line: Int
        package let reason: String

        package var description: String { "line \(line): \(reason)" }
    }

    package convenience init(file bytes: [UInt8]) throws(Fault) {
        let result = bytes.withView { text -> Result<[APIKeyRecord], Fault> in
            do throws(APIKeyFault) {
                return .success(try Self.read(text))
            } catch {
                let line = 1 + bytes.prefix(error.offset).count { $0 == UInt8(ascii: "\n") }
                return .failure(Fault(line: line, reason: error.reason))
            }
        }
        self.init(try result.get())
    }

    private static func read(_ text: ByteView) throws(APIKeyFault) -> [APIKeyRecord] {
        let whole: JSONElement
        do throws(JSONFault) {
            whole = try JSONScanner.check(text, limits: JSONLimits(length: longestFile, depth: 6))
        } catch {
            throw APIKeyFault("no JSON (\(error.kind))", at: error.offset)
        }
        guard var members = JSONMembers(of: whole, in: text), let member = (try? members.next()) ?? nil,
            member.name.equals("keys", in: text), var items = JSONItems(of: member.value, in: text),
            ((try? members.next()) ?? nil) == nil
        else { throw APIKeyFault("a file of keys is {\"keys\": [ … ]}", at: whole.start) }
        var records: [APIKeyRecord] = []
        var ids: Set<APIKeyID> = []
        while let item = (try? items.next()) ?? nil {
            guard records.count < most else { throw APIKeyFault("more than \(most) keys", at: item.start) }
            let record: APIKeyRecord
            do throws(APIKeyFault) {
                record = try APIKeyRecord(item, in: text)
            } catch {
                throw APIKeyFault("keys[\(records.count)]: \(error.reason)", at: error.offset)
            }
            guard ids.insert(record.id).inserted else {
                throw APIKeyFault("keys[\(records.count)]: \(record.id.text) stands twice", at: item.start)
            }
            records.append(record)
        }
        return records
    }

    /// As a file holds it, a key on each line.
    package var fileText: String {
        let lines = records.map { "    " + $0.json.text }
        return "{\n  \"keys\": [\n" + lines.joined(separator: ",\n") + (lines.isEmpty ? "" : "\n")
            + "  ]\n}\n"
    }
}

extension APIKeySet: Equatable {
    package static func == (left: APIKeySet, right: APIKeySet) -> Bool {
        left === right || left.records == right.records
    }
}

/// API keys that are not the settings': made and revoked while the gateway runs.
package protocol APIKeyTable {
    /// Moves with every change: what was found before has to be looked up again.
    var version: UInt64 { get }
    /// The record of a key; nil where there is none, or none that can be read.
    func record(of id: APIKeyID, now: WallTime) -> APIKeyRecord?
}
