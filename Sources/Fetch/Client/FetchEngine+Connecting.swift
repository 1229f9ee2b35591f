import Addressing
import Reactor
import TLS
import Time

// From a host's name to a connection that a request can be sent on.
extension FetchEngine {
    mutating func lookUp(_ slot: Int) {
        guard let service = slots[slot].connection?.service else { return }
        switch service.host {
        case .address(let address): choose(slot, [address])
        case .name(let name):
            switch book.find(name, now: now.nanoseconds) {
            case .known(let addresses): choose(slot, addresses)
            case .ask(let desk): names.lookUp(name, at: desk)
            case .asked: break
            }
        }
    }

    mutating func resolved(_ name: String, _ result: Result<[IPAddress], NameLookup.Failure>) {
        let until = (now + capacity.names).nanoseconds
        switch result {
        case .success(let addresses): book.found(name, addresses, until: until)
        case .failure: book.found(name, nil, until: until)
        }
        for slot in slots.indices {
            guard let connection = slots[slot].connection, case .lookup = connection.phase,
                connection.service.host == .name(name)
            else { continue }
            switch result {
            case .success(let addresses): choose(slot, addresses)
            case .failure(let failure): fail(slot, .noAddress(reason: failure.description))
            }
        }
    }

    /// Keeps the addresses that the request may go to. Nothing else is ever connected to: there is no second
    /// look-up that could say something else.
    private mutating func choose(_ slot: Int, _ addresses: [IPAddress]) {
        guard let service = slots[slot].connection?.service else { return }
        let allowed = addresses.filter { service.reach.allows($0.scope) }
        guard !allowed.isEmpty else {
            guard let first = addresses.first else { return fail(slot, .noAddress(reason: "none is listed")) }
            return fail(slot, .addressRefused(first, first.scope))
        }
        slots[slot].connection?.addresses = Array(allowed.prefix(Self.attempts))
        slots[slot].connection?.phase = .connect
        connectNext(slot, otherwise: .timedOut(waitingFor: .connect))
    }

    /// Addresses of one name that are tried.
    private static let attempts = 4

    /// Tries the next address; `failure` is the end where there is none.
    mutating func connectNext(_ slot: Int, otherwise failure: FetchFailure) {
        if let socket = slots[slot].connection?.socket {
            network.close(socket)
            slots[slot].connection?.socket = nil
            // What the old socket still has to tell is not this one's.
            slots[slot].generation &+= 1
        }
        guard let connection = slots[slot].connection, let address = connection.addresses.first else {
            return fail(slot, failure)
        }
        slots[slot].connection?.addresses.removeFirst()
        // Each address gets its share of the time: the first may lead nowhere.
        let share = (connection.connectDeadline - now) / Int64(connection.addresses.count)
        slots[slot].connection?.deadline = now + .nanoseconds(max(0, share))
        do throws(SystemError) {
            let socket = try network.connect(to: .ip(address, port: connection.service.port))
            slots[slot].connection?.socket = socket
            try watch(socket, slot)
        } catch {
            connectNext(slot, otherwise: .unreachable(error))
        }
    }

    mutating func connectFinished(_ slot: Int) {
        guard let connection = slots[slot].connection, let socket = connection.socket else { return }
        if let code = network.connectError(socket) {
            return connectNext(slot, otherwise: .unreachable(SystemError("connect", code: code)))
        }
        switch connection.service.scheme {
        case .http: sendRequest(slot)
        case .https: beginHandshake(slot, connection.service)
        }
    }

    private mutating func beginHandshake(_ slot: Int, _ service: FetchService) {
        guard let job = slots[slot].connection?.job else { return close(slot) }
        slots[slot].connection?.phase = .handshake
        slots[slot].connection?.deadline = min(job.deadline, now + job.request.deadlines.handshake)
        do throws(TLSFailure) {
            let context = try contexts.context(for: service.trust, now: now)
            let session =
                switch service.host {
                case .name(let name): context.makeSession(name: name, isAddress: false, wire)
                case .address(let address): context.makeSession(name: "\(address)", isAddress: true, wire)
                }
            slots[slot].connection?.tls = session
            if case .failed(let failure) = session.begin(wire) { throw failure }
        } catch {
            wire.clearOutput()
            return fail(slot, .tls(error))
        }
        takeOutput(slot)
        flush(slot)
    }
}
