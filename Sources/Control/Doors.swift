import Addressing
import Proxy
import Reactor
import Settings
import Time

/// The gateway's listening sockets, one of each address for each worker, kept from reload to reload while the
/// settings name the address.
struct Doors: ~Copyable {
    /// An address that could not be listened on.
    struct Failure: Error, CustomStringConvertible {
        let address: String
        let reason: SystemError

        var description: String { "cannot listen on \(address): \(reason)" }
    }

    private struct Door {
        let address: ListenAddress
        let plan: ListenerPlan
        let sockets: [Listener]
    }

    private let workers: Int
    private var doors: [Door] = []
    /// What the last changes closed. Workers do it in their own time.
    private var leaving: [ListenAddress] = []

    /// How long an address that has just been closed may stay in use.
    private static let leaveTime = Duration.seconds(1)
    private static let longestMemory = 64
    /// Bytes that the kernel takes for one client beyond what it can send: two socket reads of a long answer.
    private static let unsentBound = 128 << 10

    init(workers: Int) { self.workers = workers }

    /// Where clients connect now, with the ports that the kernel chose where the settings say 0.
    var addresses: [SocketAddress] { doors.map(\.plan.address) }

    /// Opens what is new and returns each worker's listeners, or changes nothing and says what could not be
    /// opened. What is no longer named is closed by the workers.
    mutating func open(_ wanted: [ListenerSettings]) throws(Failure) -> [[WorkerListener]] {
        var opened: [Door] = []
        var fresh: [Listener] = []
        for settings in wanted {
            if let known = doors.first(where: { $0.address == settings.address }) {
                let plan = ListenerPlan(address: known.plan.address, proxyProtocol: settings.proxyProtocol)
                opened.append(Door(address: known.address, plan: plan, sockets: known.sockets))
                continue
            }
            do throws(SystemError) {
                let door = try openWhenFree(settings)
                opened.append(door)
                fresh += door.sockets
            } catch {
                for listener in fresh { listener.socket.close() }
                throw Failure(address: settings.address.text, reason: error)
            }
        }
        let kept = opened.map(\.address)
        for door in doors where !kept.contains(door.address) { door.sockets[0].removeFile() }
        let closed = (doors.map(\.address) + leaving).filter { !kept.contains($0) }
        leaving = Array(closed.prefix(Self.longestMemory))
        doors = opened
        return (0..<workers).map { worker in
            opened.map { WorkerListener(listener: $0.sockets[worker], plan: $0.plan) }
        }
    }

    /// Takes the files of unix sockets away: nobody is to find the way in any more.
    func removeFiles() {
        for door in doors { door.sockets[0].removeFile() }
    }

    /// Opens a door, and waits a little where it is one that the workers are about to close.
    private func openWhenFree(_ settings: ListenerSettings) throws(SystemError) -> Door {
        let isLeaving = leaving.contains(settings.address)
        let end = SystemClock.now() + (isLeaving ? Self.leaveTime : .zero)
        while true {
            do throws(SystemError) {
                return try open(settings)
            } catch {
                guard error == .addressInUse, SystemClock.now() < end else { throw error }
                SystemClock.pause(.milliseconds(2))
            }
        }
    }

    private func open(_ settings: ListenerSettings) throws(SystemError) -> Door {
        let (address, families) = settings.address.socket
        // SO_REUSEPORT would let two gateways share a port without a word.
        guard !Listener.isInUse(address, families: families) else { throw SystemError.addressInUse }
        var sockets = [
            try Listener(
                address, backlog: settings.backlog, families: families, unsentBound: Self.unsentBound)
        ]
        do throws(SystemError) {
            while sockets.count < workers {
                switch sockets[0].address {
                case .ip:
                    sockets.append(
                        try Listener(
                            sockets[0].address, backlog: settings.backlog, families: families,
                            unsentBound: Self.unsentBound))
                case .unix: sockets.append(try sockets[0].duplicate())
                }
            }
        } catch {
            for listener in sockets { listener.socket.close() }
            throw error
        }
        return Door(
            address: settings.address,
            plan: ListenerPlan(address: sockets[0].address, proxyProtocol: settings.proxyProtocol),
            sockets: sockets)
    }
}

extension ListenAddress {
    package var socket: (SocketAddress, Listener.Families) {
        switch self {
        case .ip(let ip, let port): (.ip(ip, port: port), .own)
        case .everywhere(let port): (.ip(IPAddress(bits: 0), port: port), .both)
        case .unix(let path): (.unix(path: path), .own)
        }
    }
}
