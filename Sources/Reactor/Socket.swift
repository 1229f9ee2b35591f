import Addressing
import Bytes
import CLinux
import Glibc

/// What came of trying to move bytes without waiting.
package enum Transfer: Equatable, Sendable {
    /// So many bytes, at least one.
    case moved(Int)
    /// Nothing can be moved now; the loop will tell when.
    case blocked
    /// The peer has ended its side (reads only).
    case ended
    /// The connection is broken; the error number tells why.
    case failed(Int32)
}

/// A descriptor of a non-blocking socket. A plain number: who holds it in a table closes it.
// SAFETY: pointers handed to the kernel are to memory that the caller owns for the length of the call.
package struct Socket: Hashable, Sendable {
    package let descriptor: Int32

    package init(descriptor: Int32) { self.descriptor = descriptor }

    /// Reads what is there into `region`, without waiting.
    @inlinable
    package func receive(into region: UnsafeMutableRawBufferPointer) -> Transfer {
        while true {
            let count = unsafe recv(descriptor, region.baseAddress, region.count, 0)
            if count > 0 { return .moved(count) }
            if count == 0 { return .ended }
            switch errno {
            case EINTR: continue
            case EAGAIN: return .blocked
            case let code: return .failed(code)
            }
        }
    }

    package func receive(into region: MutableByteView) -> Transfer { unsafe receive(into: region.region) }

    /// Sends as much of `bytes` as the kernel takes, without waiting. A broken connection is an answer, not a
    /// signal.
    @inlinable
    package func send(_ bytes: ByteView) -> Transfer {
        while true {
            let count = unsafe Glibc.send(descriptor, bytes.start, bytes.count, Int32(MSG_NOSIGNAL))
            if count >= 0 { return .moved(count) }
            switch errno {
            case EINTR: continue
            case EAGAIN: return .blocked
            case let code: return .failed(code)
            }
        }
    }

    /// Whether an idle connection is still usable: nothing to read, not ended, no error.
    package func isQuiet() -> Bool {
        var byte: UInt8 = 0
        let count = unsafe recv(descriptor, &byte, 1, Int32(MSG_PEEK | MSG_DONTWAIT))
        return count < 0 && errno == EAGAIN
    }

    /// Bytes in the send queue: not sent yet, or not acknowledged (tcp(7), SIOCOUTQ, which is TIOCOUTQ). 0
    /// where that cannot be told.
    package func queued() -> Int {
        var count: Int32 = 0
        return unsafe ioctl(descriptor, UInt(TIOCOUTQ), &count) == 0 ? Int(count) : 0
    }

    /// Ends this side of the connection; reading goes on.
    package func shutdownWrite() { _ = shutdown(descriptor, Int32(SHUT_WR)) }

    package func close() { _ = Glibc.close(descriptor) }

    /// Closes with a reset, so that the peer cannot take what it got for a complete answer.
    package func abort() {
        var linger = linger(l_onoff: 1, l_linger: 0)
        _ = unsafe setsockopt(
            descriptor, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<Glibc.linger>.size))
        close()
    }

    /// Small writes leave at once (TCP only; ignored elsewhere).
    package func setNoDelay() { setOption(Int32(IPPROTO_TCP), TCP_NODELAY, 1) }

    /// Bounds what the kernel takes and cannot send yet to so many bytes and a little more (tcp(7),
    /// TCP_NOTSENT_LOWAT). What is on its way to the peer does not count, so that fast peers are not slowed;
    /// without a bound a peer that reads nothing is given megabytes, and a thousand of them take all the
    /// memory that the system has for TCP. Accepted connections take it over from their listener. TCP only;
    /// ignored elsewhere.
    package func boundUnsent(_ bytes: Int) {
        setOption(Int32(IPPROTO_TCP), TCP_NOTSENT_LOWAT, Int32(clamping: bytes))
    }

    /// The bound; nil where there is none.
    package var unsentBound: Int? {
        var value: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        let result = unsafe getsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NOTSENT_LOWAT, &value, &length)
        return result == 0 && value > 0 ? Int(value) : nil
    }

    /// Error of a connect that was under way, or nil where it succeeded.
    package func pendingError() -> Int32? {
        var code: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        _ = unsafe getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &length)
        return code == 0 ? nil : code
    }

    func setOption(_ level: Int32, _ option: Int32, _ value: Int32) {
        var value = value
        _ = unsafe setsockopt(descriptor, level, option, &value, socklen_t(MemoryLayout<Int32>.size))
    }

    /// Starts to connect. The socket turns writable once the connect has succeeded or failed.
    ///
    /// - Parameter source: The address of this machine to come from, one of the kernel's choice without it.
    package static func connect(
        to address: SocketAddress, from source: IPAddress? = nil
    ) throws(SystemError) -> Socket {
        let socket = try open(for: address)
        if let source { try socket.bind(to: source) }
        let result = unsafe RawAddress(address).withPointer { pointer, length in
            unsafe Glibc.connect(socket.descriptor, pointer, length)
        }
        // A unix socket whose backlog is full says EAGAIN: no connect is under way, the attempt has failed.
        if result != 0, errno != EINPROGRESS {
            let code = errno
            socket.close()
            throw SystemError("connect", code: code)
        }
        return socket
    }

    /// Binds to an address. The port is chosen when the socket connects: many may come from one address.
    private func bind(to source: IPAddress) throws(SystemError) {
        setOption(Int32(IPPROTO_IP), IP_BIND_ADDRESS_NO_PORT, 1)
        let result = unsafe RawAddress(.ip(source, port: 0)).withPointer { pointer, length in
            unsafe Glibc.bind(descriptor, pointer, length)
        }
        guard result == 0 else {
            let code = errno
            close()
            throw SystemError("bind", code: code)
        }
    }

    /// A new non-blocking stream socket of the address' family.
    static func open(for address: SocketAddress) throws(SystemError) -> Socket {
        let family: Int32 =
            switch address {
            case .ip(let ip, _): ip.isIPv4 ? AF_INET : AF_INET6
            case .unix: AF_UNIX
            }
        let type = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        let descriptor = Glibc.socket(family, type, 0)
        guard descriptor >= 0 else { throw SystemError("socket", code: errno) }
        let socket = Socket(descriptor: descriptor)
        if family != AF_UNIX { socket.setNoDelay() }
        return socket
    }
}
