import Reactor
import Synchronization

/// Keys of shared tables that were changed here and that Redis has not been told of yet. Of each key only
/// that it changed: what is sent is what the table holds then, so that a hundred changes of one key are one.
package final class ChangeOutbox: Sendable {
    struct Key: Hashable, Sendable {
        let table: SharedTable.Name
        let key: [UInt8]
    }

    private struct State {
        var isFollowed = false
        var waiting: Set<Key> = []
        var dropped = 0
    }

    /// Keys that may wait, for as long as Redis is away. Beyond it changes hold here alone.
    package static let limit = 65_536

    private let state = Mutex(State())
    /// Wakes whoever sends.
    let wake: Mailbox<Void>

    package init() throws(SystemError) { wake = try Mailbox() }

    /// From now on changes are kept for somebody who sends them; or no longer.
    func follow(_ isFollowed: Bool) {
        state.withLock { state in
            state.isFollowed = isFollowed
            if !isFollowed { state.waiting = [] }
        }
    }

    func noteChange(of key: [UInt8], in table: SharedTable.Name) {
        let isFirst = state.withLock { state in
            guard state.isFollowed else { return false }
            guard state.waiting.count < Self.limit else {
                state.dropped += 1
                return false
            }
            state.waiting.insert(Key(table: table, key: key))
            return state.waiting.count == 1
        }
        if isFirst { wake.post(()) }
    }

    /// Takes up to `count` keys out, of tables that can be told now.
    func take(_ count: Int, _ canBeTold: (SharedTable.Name) -> Bool) -> [Key] {
        state.withLock { state in
            guard !state.waiting.isEmpty else { return [] }
            let told = Set(SharedTable.Name.allCases.filter(canBeTold))
            let taken = Array(state.waiting.lazy.filter { told.contains($0.table) }.prefix(count))
            for key in taken { state.waiting.remove(key) }
            return taken
        }
    }

    /// They could not be sent: they wait again.
    func putBack(_ keys: some Sequence<Key>) { state.withLock { $0.waiting.formUnion(keys) } }

    func isWaiting(_ key: [UInt8], in table: SharedTable.Name) -> Bool {
        state.withLock { $0.waiting.contains(Key(table: table, key: key)) }
    }

    var waiting: Int { state.withLock { $0.waiting.count } }

    /// Changes that there was no room for since the last call.
    func takeDropped() -> Int {
        state.withLock { state in
            defer { state.dropped = 0 }
            return state.dropped
        }
    }
}
