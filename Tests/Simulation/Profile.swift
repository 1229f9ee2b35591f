/// What may go wrong in a schedule, and how large and slow everything is. Some schedules are calm: in them
/// every request must get its answer.
struct Profile {
    enum ConnectFault { case none, atOnce, refused, silent }

    /// Clients stop, reset, half-close, lie and never read.
    private(set) var clientFaults: Bool
    /// Origins stop, reset, close and lie inside of exchanges.
    private(set) var originFaults: Bool
    /// Connects fail or never end.
    private(set) var connectFaults: Bool
    /// Origins close connections that are idle, which may race with the next request.
    private(set) var idleCloses: Bool
    /// Settings are loaded again, names change their addresses.
    private(set) var reloads: Bool
    /// The gateway begins to drain at some time.
    private(set) var drains: Bool
    /// The drain's deadline ends everything.
    private(set) var endsAll: Bool
    /// Origins take seconds for an answer.
    private(set) var thinks: Bool
    /// The process comes near its memory limit, reaches it, and has room again.
    private(set) var memory: Bool
    /// Sockets cannot be registered now and then.
    private(set) var failsWatching: Bool
    /// Upstreams have few connections and short queues.
    let smallPools: Bool
    /// Bodies of hundreds of kibibytes.
    let largeBodies: Bool
    let clients: Int
    /// Longest time for anything to reach the other side, in microseconds.
    let latencyBound: Int
    private let smallestCapacity: Int

    init(_ dice: inout Dice) {
        let isCalm = dice.chance(25)
        clientFaults = !isCalm && dice.chance(60)
        originFaults = !isCalm && dice.chance(60)
        connectFaults = !isCalm && dice.chance(30)
        idleCloses = dice.chance(40)
        reloads = dice.chance(30)
        drains = !isCalm && dice.chance(20)
        endsAll = drains && dice.chance(40)
        thinks = dice.chance(40)
        failsWatching = !isCalm && dice.chance(10)
        smallPools = dice.chance(40)
        largeBodies = dice.chance(15)
        clients = dice.within(1...8)
        latencyBound = dice.pick([100, 1000, 10_000])
        memory = !isCalm && dice.chance(20)
        smallestCapacity = largeBodies ? 4096 : dice.pick([16, 256, 4096])
    }

    /// Nothing fails and nobody is slow.
    static let quiet: Profile = {
        var dice = Dice(seed: 0)
        var profile = Profile(&dice)
        profile.clientFaults = false
        profile.originFaults = false
        profile.connectFaults = false
        profile.idleCloses = false
        profile.reloads = false
        profile.drains = false
        profile.endsAll = false
        profile.thinks = false
        profile.failsWatching = false
        profile.memory = false
        return profile
    }()

    func latency(_ dice: inout Dice) -> Int64 { dice.delay(upTo: latencyBound) }

    /// Bytes that one direction of a connection holds.
    func capacity(_ dice: inout Dice) -> Int {
        dice.chance(50) ? 1 << 20 : smallestCapacity + dice.below(smallestCapacity * 16)
    }

    func connectFault(_ dice: inout Dice) -> ConnectFault {
        guard connectFaults, dice.chance(30) else { return .none }
        return dice.pick([.atOnce, .refused, .refused, .silent])
    }

    /// A body's length.
    func length(_ dice: inout Dice) -> Int {
        if largeBodies, dice.chance(20) { return dice.below(300 << 10) }
        return dice.pick([0, 1, dice.below(20), dice.below(300), dice.below(300), dice.below(5000)])
    }
}
