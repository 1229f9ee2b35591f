import Addressing
import Bytes

/// What a worker asks of the network. The proxy is written against this, so that the whole of it, byte for
/// byte, also runs in a simulation with a virtual clock and peers that misbehave.
package protocol Network: ~Copyable {
    /// Reports what becomes of `socket` with `token` until it is closed.
    mutating func watch(_ socket: Socket, token: UInt64) throws(SystemError)
    /// Reports what becomes of a socket that is watched already with another token from now on. What it is
    /// ready for is reported again.
    mutating func watchAgain(_ socket: Socket, token: UInt64)
    mutating func receive(_ socket: Socket, into region: MutableByteView) -> Transfer
    mutating func send(_ socket: Socket, _ bytes: ByteView) -> Transfer
    /// Starts to connect; the socket turns writable when it is done.
    mutating func connect(to address: SocketAddress) throws(SystemError) -> Socket
    /// Error of a finished connect, nil where it succeeded.
    mutating func connectError(_ socket: Socket) -> Int32?
    /// Bytes that were sent and that the peer has not got, as far as the kernel knows; 0 where it does not.
    mutating func queued(_ socket: Socket) -> Int
    /// Whether an idle connection is still open with nothing to read.
    mutating func isQuiet(_ socket: Socket) -> Bool
    mutating func shutdownWrite(_ socket: Socket)
    mutating func close(_ socket: Socket)
    /// Closes with a reset.
    mutating func abort(_ socket: Socket)
}

/// The real network: system calls and one epoll instance.
// SAFETY: regions are the caller's for the length of the call.
package struct LinuxNetwork: ~Copyable, Network {
    package let epoll: Epoll

    package init() throws(SystemError) { epoll = try Epoll() }

    package mutating func watch(_ socket: Socket, token: UInt64) throws(SystemError) {
        try epoll.add(socket, token: token)
    }

    package mutating func watchAgain(_ socket: Socket, token: UInt64) { epoll.change(socket, token: token) }

    package mutating func receive(_ socket: Socket, into region: MutableByteView) -> Transfer {
        unsafe socket.receive(into: region.region)
    }

    package mutating func send(_ socket: Socket, _ bytes: ByteView) -> Transfer { socket.send(bytes) }

    package mutating func connect(to address: SocketAddress) throws(SystemError) -> Socket {
        try Socket.connect(to: address)
    }

    package mutating func connectError(_ socket: Socket) -> Int32? { socket.pendingError() }
    package mutating func queued(_ socket: Socket) -> Int { socket.queued() }
    package mutating func isQuiet(_ socket: Socket) -> Bool { socket.isQuiet() }
    package mutating func shutdownWrite(_ socket: Socket) { socket.shutdownWrite() }
    package mutating func close(_ socket: Socket) { socket.close() }
    package mutating func abort(_ socket: Socket) { socket.abort() }
}
