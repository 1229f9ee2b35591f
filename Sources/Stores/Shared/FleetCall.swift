import Reactor
import Redis
import Time

/// Tells Redis now and then that this gateway is there, and hears how many there are. On the replica's
/// thread. Where that fails, the fleet stays as large as it was.
struct FleetCall: ~Copyable {
    private let fleet: Fleet
    private let key: [UInt8]
    private var client: RedisKeyClient
    private(set) var next = Instant.zero

    /// For one command.
    private static let patience = Duration.milliseconds(250)

    init(_ fleet: Fleet, _ target: RedisTarget, directory: RedisDirectory?) {
        self.fleet = fleet
        key = FleetCommands.key(target.prefix)
        client = RedisKeyClient(target, directory: directory)
    }

    private var slot: KeySlot { key.withView { KeySlot($0) } }

    /// Calls where it is time.
    mutating func announce() {
        let now = SystemClock.now()
        guard now >= next else { return }
        next = now + FleetCommands.interval
        let (fleet, key) = (fleet, key)
        do throws(Loss) {
            let reply = try client.ask(
                slot, by: now + Self.patience, script: FleetCommands.announce
            ) { writer in
                FleetCommands.writeAnnounce(fleet, key: key, into: &writer)
            }
            if let size = reply.integer { fleet.noteSize(size) }
        } catch {
            // The link beside this one tells of it.
            return
        }
    }

    /// Those that stay have more to share from now on.
    mutating func leave() {
        let (fleet, key) = (fleet, key)
        do throws(Loss) {
            _ = try client.ask(slot, by: SystemClock.now() + Self.patience) { writer in
                FleetCommands.writeLeave(fleet, key: key, into: &writer)
            }
        } catch {
            // They hear it from the silence.
            return
        }
    }
}
