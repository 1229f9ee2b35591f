import Foundation

/// What a socket of a test ran into.
enum SocketError: Error, Equatable, CustomStringConvertible {
    case cannotOpen(errno: Int32)
    case cannotConnect(errno: Int32)
    case timedOut(String)
    case reset
    case failed(errno: Int32)
    /// TLS ended: what OpenSSL says of it.
    case tls(String)

    var description: String {
        switch self {
        case .cannotOpen(let code): "cannot open a socket: \(String(cString: strerror(code)))"
        case .cannotConnect(let code): "cannot connect: \(String(cString: strerror(code)))"
        case .timedOut(let what): "timed out \(what)"
        case .reset: "the peer reset the connection"
        case .failed(let code): "socket error: \(String(cString: strerror(code)))"
        case .tls(let reason): "TLS: \(reason)"
        }
    }
}

/// A TCP socket of a test. Non-blocking inside, so that every wait has a deadline; one owner, closed at the
/// latest when that is gone. `TLSSocket` is one that encrypts.
class TestSocket: @unchecked Sendable {
    // Unchecked: the descriptor is written once under the lock when it is closed; the kernel orders
    // everything else.
    private let lock = NSLock()
    private var open: Int32?

    init(adopting descriptor: Int32) {
        open = descriptor
        _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        var one: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
    }

    deinit { close() }

    /// The descriptor, which is another's from now on.
    final func release() -> Int32 {
        lock.withLock {
            defer { open = nil }
            return open ?? -1
        }
    }

    private var descriptor: Int32 { lock.withLock { open ?? -1 } }

    /// A connection to 127.0.0.1. A small receive buffer makes a slow reader slow for the sender soon.
    static func connect(
        port: UInt16, within limit: Duration = .seconds(5), receiveBuffer: Int32? = nil
    ) throws(SocketError) -> TestSocket {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { throw .cannotOpen(errno: errno) }
        let result = TestSocket(adopting: descriptor)
        if var size = receiveBuffer {
            setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<Int32>.size))
        }
        let status = Loopback.withAddress(port: port) { Glibc.connect(descriptor, $0, $1) }
        if status == 0 { return result }
        guard errno == EINPROGRESS else { throw .cannotConnect(errno: errno) }
        try result.wait(for: Int16(POLLOUT), Deadline(in: limit), "to connect")
        var code: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &length)
        guard code == 0 else { throw .cannotConnect(errno: code) }
        return result
    }

    /// Sends everything.
    func send(_ bytes: [UInt8], _ deadline: Deadline) throws(SocketError) {
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes { region in
                Glibc.send(descriptor, region.baseAddress, region.count, Int32(MSG_NOSIGNAL))
            }
            if count >= 0 {
                sent += count
            } else {
                try waitOrThrow(errno, for: Int16(POLLOUT), deadline, "to send")
            }
        }
    }

    /// Bytes that arrived, at least one; empty at the end of the stream.
    func receive(atMost limit: Int = 64 * 1024, _ deadline: Deadline) throws(SocketError) -> [UInt8] {
        while true {
            var count = 0
            let bytes = [UInt8](unsafeUninitializedCapacity: limit) { region, initialized in
                count = recv(descriptor, region.baseAddress, limit, 0)
                initialized = max(0, count)
            }
            if count >= 0 { return bytes }
            try waitOrThrow(errno, for: Int16(POLLIN), deadline, "to receive")
        }
    }

    /// Waits until the peer has closed or reset the connection, reading nothing.
    func waitUntilPeerLeaves(_ deadline: Deadline) throws(SocketError) {
        try wait(for: 0x2000, deadline, "for the peer to leave")  // POLLRDHUP
    }

    /// Lets what is sent from now on leave only together with the end.
    func holdBack() {
        var one: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_CORK, &one, socklen_t(MemoryLayout<Int32>.size))
    }

    /// Ends the sending direction only.
    func finishSending() { shutdown(descriptor, Int32(SHUT_WR)) }

    /// Wakes whoever waits on this socket on another thread.
    func shutdownBoth() { shutdown(descriptor, Int32(SHUT_RDWR)) }

    /// Closes so that the peer gets a reset.
    func reset() {
        var option = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
        close()
    }

    func close() {
        lock.withLock {
            if let descriptor = open { _ = Glibc.close(descriptor) }
            open = nil
        }
    }

    /// For calls that this class does not know.
    func withDescriptor<Result>(_ body: (Int32) -> Result) -> Result { body(descriptor) }

    func waitOrThrow(
        _ code: Int32, for events: Int16, _ deadline: Deadline, _ what: String
    ) throws(SocketError) {
        switch code {
        case EAGAIN: try wait(for: events, deadline, what)
        case EINTR: return
        case ECONNRESET, EPIPE: throw .reset
        default: throw .failed(errno: code)
        }
    }

    private func wait(for events: Int16, _ deadline: Deadline, _ what: String) throws(SocketError) {
        while true {
            var entry = pollfd(fd: descriptor, events: events, revents: 0)
            let ready = poll(&entry, 1, deadline.milliseconds)
            if ready > 0 { return }
            if ready == 0, deadline.isOver { throw .timedOut(what) }
            if ready < 0, errno != EINTR { throw .failed(errno: errno) }
        }
    }
}

/// Addresses on this machine.
enum Loopback {
    static func withAddress<Result>(
        port: UInt16, host: UInt8 = 1, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
    ) -> Result {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = (0x7F00_0000 | UInt32(host)).bigEndian
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }

    /// A descriptor that listens on a port, or on a free one for port 0, and that port.
    static func listen(port: UInt16 = 0) throws(SocketError) -> (descriptor: Int32, port: UInt16) {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw .cannotOpen(errno: errno) }
        var one: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &one, socklen_t(MemoryLayout<Int32>.size))
        guard withAddress(port: port, { bind(descriptor, $0, $1) }) == 0, Glibc.listen(descriptor, 512) == 0
        else {
            let code = errno
            close(descriptor)
            throw .cannotOpen(errno: code)
        }
        var bound = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        withUnsafeMutablePointer(to: &bound) { pointer in
            _ = pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                getsockname(descriptor, $0, &length)
            }
        }
        return (descriptor, UInt16(bigEndian: bound.sin_port))
    }
}
