import Synchronization

/// A scripted origin for people to look at the gateway with: a few endpoints, each showing one kind of
/// traffic.
///
/// A thread per connection with blocking sockets, because that reads from top to bottom; connections are
/// bounded. It is part of no gateway that serves real traffic.
package final class DemoOrigin: Sendable {
    /// Connections at a time; one more is answered 503 and closed.
    package static let connectionLimit = 512
    /// Seconds that a connection may idle. Longer than a gateway keeps idle connections, so that the gateway
    /// ends them.
    static let idleSeconds = 75
    /// Seconds that a client may take no byte of an answer.
    static let writeSeconds = 30

    private struct Live {
        let socket: BlockingSocket
        let thread: Thread
    }

    private struct State {
        var acceptor: Thread?
        var live: [Int: Live] = [:]
        /// Threads that are through, to be joined by the next that comes by.
        var finished: [Thread] = []
        var nextID = 0
        var isStopping = false
    }

    private let listener: BlockingSocket
    private let state = Mutex(State())
    private let endpoints = Endpoints()

    /// The port that it listens on.
    package let port: UInt16

    /// Binds and listens, so that clients may connect already; nothing is answered before `start`.
    package init(address: String = "127.0.0.1", port: UInt16) throws(DemoError) {
        listener = try BlockingSocket.listen(address: address, port: port)
        self.port = listener.port
    }

    deinit { listener.close() }

    /// Answers from now on, on threads of its own.
    package func start() throws(DemoError) {
        guard let acceptor = Thread.start({ [self] in acceptConnections() }) else { throw .noThread }
        state.withLock { $0.acceptor = acceptor }
    }

    /// Ends every connection and returns when the last thread is through. Does nothing the second time.
    package func stop() {
        let acceptor = state.withLock { state in
            state.isStopping = true
            defer { state.acceptor = nil }
            return state.acceptor
        }
        listener.shutdownBoth()
        acceptor?.join()
        let threads = state.withLock { state in
            for live in state.live.values { live.socket.shutdownBoth() }
            defer { state.finished = [] }
            return state.finished + state.live.values.map(\.thread)
        }
        for thread in threads { thread.join() }
        state.withLock { $0.finished = [] }
    }

    private func acceptConnections() {
        while let socket = listener.accept(idleSeconds: Self.idleSeconds, writeSeconds: Self.writeSeconds) {
            guard admit(socket) else {
                _ = socket.write(Array(Self.busy.utf8))
                socket.close()
                continue
            }
        }
    }

    private static let busy =
        "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nRetry-After: 1\r\nConnection: close\r\n\r\n"

    /// Starts a thread for a connection; false where there is no room.
    private func admit(_ socket: BlockingSocket) -> Bool {
        let (admitted, finished) = state.withLock { state in
            defer { state.finished = [] }
            guard !state.isStopping, state.live.count < Self.connectionLimit else {
                return (false, state.finished)
            }
            let id = state.nextID
            // Started under the lock: the thread cannot report its end before it is entered.
            guard let thread = Thread.start({ [self] in serve(socket, id: id) }) else {
                return (false, state.finished)
            }
            state.nextID += 1
            state.live[id] = Live(socket: socket, thread: thread)
            return (true, state.finished)
        }
        for thread in finished { thread.join() }
        return admitted
    }

    private func serve(_ socket: BlockingSocket, id: Int) {
        Connection(socket: socket).serve(endpoints)
        state.withLock { state in
            // Closed under the lock: `stop` never shuts down a descriptor that somebody else got meanwhile.
            socket.close()
            guard let live = state.live.removeValue(forKey: id) else { return }
            state.finished.append(live.thread)
        }
    }
}
