import Bytes
import Pipeline
import Time

extension SharedTable: APIKeyTable {
    package func record(of id: APIKeyID, now: WallTime) -> APIKeyRecord? {
        id.bytes.withView { key in
            read(key, now: now) { value, _ in try? APIKeyRecord(value) } ?? nil
        }
    }

    /// Takes a record in, in place of the one with its id.
    package func put(_ record: APIKeyRecord, now: WallTime) -> Change {
        record.id.bytes.withView { key in
            Array(record.json.text.utf8).withView {
                put(key, $0, expires: record.expires ?? Self.never, now: now)
            }
        }
    }

    @discardableResult
    package func remove(_ id: APIKeyID) -> Bool { id.bytes.withView { remove($0) } }

    /// All keys that have not expired, those included that were revoked.
    package func apiKeys(now: WallTime) -> [APIKeyRecord] {
        entries(now: now).compactMap { entry in entry.value.withView { try? APIKeyRecord($0) } }
    }
}
