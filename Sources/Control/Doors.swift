import Addressing
import Proxy
import Reactor
import Settings
import TLS
import Time

/// The gateway's listening sockets, one of each address for each worker, kept from reload to reload while the
/// settings name the address.
struct Doors: ~Copyable {
    /// An address that could not be listened on, or not with its certificates.
    enum Failure: Error, CustomStringConvertible {
        case address(String, SystemError)
        case certificates(String, TLSFailure)

        var description: String {
            switch self {
            case .address(let address, let reason): "cannot listen on \(address): \(reason)"
            case .certificates(let address, let reason):
                "cannot use the certificates of \(address): \(reason.description)"
            }
        }
    }

    private struct Door {
        let address: ListenAddress
        let sockets: [Listener]
        let settings: ListenerSettings
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
    var addresses: [SocketAddress] { doors.map(\.sockets[0].address) }

    /// Opens what is new and returns each worker's listeners, or changes nothing and says what could not be
    /// opened. What is no longer named is closed by the workers.
    mutating func open(
        _ wanted: [ListenerSettings], ticketKeys: TicketKeys
    ) throws(Failure) -> [[WorkerListener]] {
        var opened: [Door] = []
        var fresh: [Listener] = []
        for settings in wanted {
            if let known = doors.first(where: { $0.address == settings.address }) {
                opened.append(Door(address: known.address, sockets: known.sockets, settings: settings))
                continue
            }
            do throws(SystemError) {
                let door = try openWhenFree(settings)
                opened.append(door)
                fresh += door.sockets
            } catch {
                for listener in fresh { listener.socket.close() }
                throw .address(settings.address.text, error)
            }
        }
        let listeners: [[WorkerListener]]
        do throws(Failure) {
            listeners = try Self.listeners(of: opened, workers: workers, ticketKeys)
        } catch {
            for listener in fresh { listener.socket.close() }
            throw error
        }
        let kept = opened.map(\.address)
        for door in doors where !kept.contains(door.address) { door.sockets[0].removeFile() }
        let closed = (doors.map(\.address) + leaving).filter { !kept.contains($0) }
        leaving = Array(closed.prefix(Self.longestMemory))
        doors = opened
        return listeners
    }

    /// Each worker's listeners, with certificates of its own.
    private static func listeners(
        of doors: [Door], workers: Int, _ ticketKeys: TicketKeys
    ) throws(Failure) -> [[WorkerListener]] {
        var listeners: [[WorkerListener]] = []
        for worker in 0..<workers {
            var own: [WorkerListener] = []
            for door in doors {
                var context: ServerContext?
                do throws(TLSFailure) {
                    if let tls = door.settings.tls {
                        context = try ServerContext(tls.material, ticketKeys: ticketKeys)
                    }
                } catch {
                    throw .certificates(door.address.text, error)
                }
                let plan = ListenerPlan(
                    address: door.sockets[worker].address, settings: door.settings, tls: context)
                own.append(WorkerListener(listener: door.sockets[worker], plan: plan))
            }
            listeners.append(own)
        }
        return listeners
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
        return Door(address: settings.address, sockets: sockets, settings: settings)
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
