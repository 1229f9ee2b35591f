import Bytes
import JWT
import Pipeline
import Time

extension SharedTable: RevocationTable {
    package var isEmpty: Bool { count == 0 }

    package func revokes(_ keys: RevocationKeys, issuedAt: WallTime?, now: WallTime) -> Bool {
        guard count > 0 else { return false }
        for key in [keys.token, keys.tokenID, keys.subject] {
            guard let key else { continue }
            let isRevoked = key.bytes.withView { bytes in
                read(bytes, now: now) { value, _ in
                    RevocationEntry.revokes(key.kind, value, issuedAt: issuedAt)
                }
            }
            if isRevoked ?? false { return true }
        }
        return false
    }
}
