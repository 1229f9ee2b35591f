import Addressing
import Bytes
import Glibc
import Reactor
import Testing

@Suite struct SocketTests {
    /// A connection through a listener of the loopback address: both ends of it.
    private func connected() throws -> (client: Socket, server: Socket, listener: Listener) {
        let listener = try Listener(.ip(.loopback, port: 0), backlog: 8)
        let client = try Socket.connect(to: listener.address)
        try waitUntil(readable: listener.socket)
        let accepted = try #require(try listener.accept())
        return (client, accepted.socket, listener)
    }

    private func waitUntil(readable socket: Socket) throws {
        var entry = pollfd(fd: socket.descriptor, events: Int16(POLLIN), revents: 0)
        try #require(poll(&entry, 1, 5000) == 1)
    }

    private func receive(_ socket: Socket) -> Transfer {
        var bytes = [UInt8](repeating: 0, count: 64)
        return bytes.withUnsafeMutableBytes { socket.receive(into: $0) }
    }

    @Test func `port 0 becomes the port that the kernel chose`() throws {
        let listener = try Listener(.ip(.loopback, port: 0), backlog: 8)
        defer { listener.socket.close() }
        guard case .ip(let address, let port) = listener.address else {
            Issue.record("a listener of an address has one")
            return
        }
        #expect(address == .loopback)
        #expect(port != 0)
        #expect(Listener.isInUse(listener.address))
    }

    @Test func `accepted connections take over how much may wait unsent`() throws {
        let listener = try Listener(.ip(.loopback, port: 0), backlog: 8, unsentBound: 65_536)
        let client = try Socket.connect(to: listener.address)
        defer { for socket in [client, listener.socket] { socket.close() } }
        try waitUntil(readable: listener.socket)
        let accepted = try #require(try listener.accept())
        defer { accepted.socket.close() }
        #expect(accepted.socket.unsentBound == 65_536)
        // The client reads nothing: what the kernel has taken is what may be on its way, and the bound.
        let bytes = [UInt8](repeating: 7, count: 16_384)
        while case .moved = bytes.withView({ accepted.socket.send($0) }) {}
        #expect(accepted.socket.queued() < 1 << 20)
    }

    @Test func `nobody waits at a listener that nobody has connected to`() throws {
        let listener = try Listener(.ip(.loopback, port: 0), backlog: 8)
        defer { listener.socket.close() }
        #expect(try listener.accept() == nil)
    }

    @Test func `bytes go both ways, and nothing there is not the end`() throws {
        let (client, server, listener) = try connected()
        defer { for socket in [client, server, listener.socket] { socket.close() } }
        #expect(receive(server) == .blocked)
        #expect(server.isQuiet())
        #expect(client.send(ByteView("hello")) == .moved(5))
        try waitUntil(readable: server)
        #expect(!server.isQuiet())
        #expect(receive(server) == .moved(5))
        #expect(client.pendingError() == nil)
    }

    @Test func `an end is told as an end`() throws {
        let (client, server, listener) = try connected()
        defer { for socket in [client, server, listener.socket] { socket.close() } }
        client.shutdownWrite()
        try waitUntil(readable: server)
        #expect(receive(server) == .ended)
        #expect(!server.isQuiet())
    }

    @Test func `a reset is told once, and looks like an end from then on`() throws {
        let (client, server, listener) = try connected()
        defer { for socket in [server, listener.socket] { socket.close() } }
        client.abort()
        try waitUntil(readable: server)
        #expect(server.pendingError() == ECONNRESET)
        #expect(receive(server) == .ended)
    }

    @Test func `a send that the peer does not take ends in blocked, not in waiting`() throws {
        let (client, server, listener) = try connected()
        defer { for socket in [client, server, listener.socket] { socket.close() } }
        let bytes = [UInt8](repeating: 7, count: 1 << 20)
        var sent = 0
        while case .moved(let count) = bytes.withView({ client.send($0) }) {
            sent += count
            try #require(sent < 1 << 30)
        }
        #expect(bytes.withView { client.send($0) } == .blocked)
    }

    @Test func `a connect to a port where nobody listens fails`() throws {
        let listener = try Listener(.ip(.loopback, port: 0), backlog: 8)
        listener.socket.close()
        do throws(SystemError) {
            let socket = try Socket.connect(to: listener.address)
            var entry = pollfd(fd: socket.descriptor, events: Int16(POLLOUT), revents: 0)
            #expect(poll(&entry, 1, 5000) == 1)
            #expect(socket.pendingError() == ECONNREFUSED)
            socket.close()
        } catch {
            #expect(error.code == ECONNREFUSED)
        }
    }
}
