import Addressing
import CLinux
import Glibc

/// A connection that was just accepted.
package struct Accepted: Sendable {
    package let socket: Socket
    /// Address and port of the peer; nil where it came through a unix socket.
    package let peer: (address: IPAddress, port: UInt16)?

    package init(socket: Socket, peer: (address: IPAddress, port: UInt16)?) {
        self.socket = socket
        self.peer = peer
    }
}

/// A listening socket. Several listen on one address, one a worker (`SO_REUSEPORT`); a unix socket is shared
/// by all.
// SAFETY: address memory lives through each call.
package struct Listener: Sendable {
    package let socket: Socket
    package let address: SocketAddress
    /// The file that binding a unix socket made.
    private let file: FileIdentity?

    /// Whether an IPv6 socket takes IPv4 connections too.
    package enum Families: Sendable { case own, both }

    /// Opens, binds and listens. A unix socket that nobody listens on any more is replaced.
    ///
    /// - Parameter unsentBound: See `Socket.boundUnsent`; holds for the connections that are accepted.
    package init(
        _ address: SocketAddress, backlog: Int, families: Families = .own, unsentBound: Int? = nil
    ) throws(SystemError) {
        let socket = try Socket.open(for: address)
        do throws(SystemError) {
            try Listener.bind(socket, to: address, families)
            if let unsentBound { socket.boundUnsent(unsentBound) }
            guard listen(socket.descriptor, Int32(clamping: backlog)) == 0 else {
                throw SystemError("listen", code: errno)
            }
        } catch {
            socket.close()
            throw error
        }
        self.socket = socket
        self.address = Listener.boundAddress(of: socket) ?? address
        file = Listener.file(of: address)
    }

    /// A second descriptor of the same socket, for another worker.
    package func duplicate() throws(SystemError) -> Listener {
        let descriptor = fcntl(socket.descriptor, F_DUPFD_CLOEXEC, 0)
        guard descriptor >= 0 else { throw SystemError("fcntl", code: errno) }
        return Listener(socket: Socket(descriptor: descriptor), address: address, file: file)
    }

    private init(socket: Socket, address: SocketAddress, file: FileIdentity?) {
        self.socket = socket
        self.address = address
        self.file = file
    }

    private static func file(of address: SocketAddress) -> FileIdentity? {
        switch address {
        case .ip: nil
        case .unix(let path): FileIdentity(ofSocketAt: path)
        }
    }

    /// Turns away who has not begun to connect: their first packets are dropped, and when they try again, a
    /// second later, nobody listens any more, so that they are refused. Who is in the middle of connecting
    /// still gets in. Without this, whoever came between the last accept and the close would be let in by the
    /// kernel and then reset. For TCP; a unix socket has no such moment to offer.
    package func turnAwayNewcomers() {
        guard case .ip = address else { return }
        // Classic BPF over the TCP header (socket(7), SO_ATTACH_FILTER): the flags are byte 13, SYN is bit 1.
        var program = [
            sock_filter(code: 0x30, jt: 0, jf: 0, k: 13),  // load the byte
            sock_filter(code: 0x45, jt: 1, jf: 0, k: 0x02),  // is the bit set?
            sock_filter(code: 0x06, jt: 0, jf: 0, k: .max),  // no: keep the packet
            sock_filter(code: 0x06, jt: 0, jf: 0, k: 0),  // yes: drop it
        ]
        unsafe program.withUnsafeMutableBufferPointer { instructions in
            var filter = unsafe sock_fprog(len: UInt16(instructions.count), filter: instructions.baseAddress)
            _ = unsafe setsockopt(
                socket.descriptor, SOL_SOCKET, SO_ATTACH_FILTER, &filter,
                socklen_t(MemoryLayout<sock_fprog>.size))
        }
    }

    /// Removes a unix socket's file, once nobody is to connect any more; not one that a successor has put in
    /// its place.
    package func removeFile() {
        guard case .unix(let path) = address, let file, Listener.file(of: address) == file else { return }
        unsafe unlink(path)
    }

    private static func bind(
        _ socket: Socket, to address: SocketAddress, _ families: Families
    ) throws(SystemError) {
        switch address {
        case .ip(let ip, _):
            socket.setOption(SOL_SOCKET, SO_REUSEADDR, 1)
            socket.setOption(SOL_SOCKET, SO_REUSEPORT, 1)
            if !ip.isIPv4 { socket.setOption(Int32(IPPROTO_IPV6), IPV6_V6ONLY, families == .own ? 1 : 0) }
        case .unix(let path):
            removeStale(path, address)
        }
        let result = unsafe RawAddress(address).withPointer { pointer, length in
            unsafe Glibc.bind(socket.descriptor, pointer, length)
        }
        guard result == 0 else { throw SystemError("bind", code: errno) }
    }

    /// Removes a socket file that a process left behind; one that answers stays, and bind says that it is in
    /// use.
    private static func removeStale(_ path: String, _ address: SocketAddress) {
        guard FileIdentity(ofSocketAt: path) != nil else { return }
        guard let probe = try? Socket.open(for: address) else { return }
        defer { probe.close() }
        let result = unsafe RawAddress(address).withPointer { pointer, length in
            unsafe Glibc.connect(probe.descriptor, pointer, length)
        }
        if result != 0, errno == ECONNREFUSED { unsafe unlink(path) }
    }

    /// The address with the port that the kernel chose where the settings said 0.
    private static func boundAddress(of socket: Socket) -> SocketAddress? {
        var raw = RawAddress()
        let result = unsafe raw.withMutablePointer { pointer, length in
            unsafe getsockname(socket.descriptor, pointer, length)
        }
        guard result == 0, let ip = raw.ip else { return nil }
        return .ip(ip.address, port: ip.port)
    }

    /// Whether some process listens on `address` already, which `SO_REUSEPORT` would hide.
    package static func isInUse(_ address: SocketAddress, families: Families = .own) -> Bool {
        guard case .ip(_, let port) = address, port != 0, let probe = try? Socket.open(for: address) else {
            return false
        }
        defer { probe.close() }
        probe.setOption(SOL_SOCKET, SO_REUSEADDR, 1)
        // As the listener itself will be, or the probe would meet our own listener of the other family.
        probe.setOption(Int32(IPPROTO_IPV6), IPV6_V6ONLY, families == .own ? 1 : 0)
        let result = unsafe RawAddress(address).withPointer { pointer, length in
            unsafe Glibc.bind(probe.descriptor, pointer, length)
        }
        return result != 0 && errno == EADDRINUSE
    }

    /// Takes one waiting connection; nil where none waits.
    package func accept() throws(SystemError) -> Accepted? {
        while true {
            var raw = RawAddress()
            let descriptor = unsafe raw.withMutablePointer { pointer, length in
                unsafe accept4(
                    socket.descriptor, pointer, length, Int32(SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue))
            }
            if descriptor >= 0 {
                let accepted = Accepted(socket: Socket(descriptor: descriptor), peer: raw.ip)
                if accepted.peer != nil { accepted.socket.setNoDelay() }
                return accepted
            }
            switch errno {
            // A connection that died while it waited says nothing about the next one.
            case EINTR, ECONNABORTED, EPROTO, ENETDOWN, ENETUNREACH, EHOSTDOWN, EHOSTUNREACH, EOPNOTSUPP,
                ENOPROTOOPT:
                continue
            case EAGAIN: return nil
            case let code: throw SystemError("accept", code: code)
            }
        }
    }
}
