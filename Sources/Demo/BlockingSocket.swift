import Glibc

/// A TCP socket that one thread reads and writes, blocking. Whoever opened it closes it, once.
// SAFETY: pointers handed to the system calls are borrowed for the call only, from arrays and variables of
// the calling thread; lengths are those of the same arrays.
struct BlockingSocket: Sendable {
    let descriptor: Int32

    /// Why waiting ended.
    enum Wait {
        case timedOut
        case peerLeft
    }

    /// A socket that listens on an IPv4 address; port 0 takes a free one.
    static func listen(address: String, port: UInt16) throws(DemoError) -> BlockingSocket {
        var name = sockaddr_in()
        name.sin_family = sa_family_t(AF_INET)
        name.sin_port = port.bigEndian
        guard unsafe inet_pton(AF_INET, address, &name.sin_addr) == 1 else {
            throw .notAnAddress(address)
        }
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw .cannotListen(address, port, errno: errno) }
        let listener = BlockingSocket(descriptor: descriptor)
        listener.set(SOL_SOCKET, SO_REUSEADDR, to: Int32(1))
        let bound = unsafe withUnsafePointer(to: &name) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard bound == 0, Glibc.listen(descriptor, 128) == 0 else {
            let reason = errno
            listener.close()
            throw .cannotListen(address, port, errno: reason)
        }
        return listener
    }

    /// The port that the socket is bound to.
    var port: UInt16 {
        var name = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = unsafe withUnsafeMutablePointer(to: &name) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe getsockname(descriptor, $0, &length)
            }
        }
        return result == 0 ? UInt16(bigEndian: name.sin_port) : 0
    }

    /// The next connection, ready to use; nil once the listener was shut down.
    func accept(idleSeconds: Int, writeSeconds: Int) -> BlockingSocket? {
        while true {
            let accepted = Glibc.accept(descriptor, nil, nil)
            if accepted >= 0 {
                let connection = BlockingSocket(descriptor: accepted)
                _ = fcntl(accepted, F_SETFD, FD_CLOEXEC)
                connection.set(Int32(IPPROTO_TCP), TCP_NODELAY, to: Int32(1))
                connection.set(SOL_SOCKET, SO_RCVTIMEO, to: timeval(tv_sec: idleSeconds, tv_usec: 0))
                connection.set(SOL_SOCKET, SO_SNDTIMEO, to: timeval(tv_sec: writeSeconds, tv_usec: 0))
                return connection
            }
            switch errno {
            case EINTR, ECONNABORTED: continue
            // Out of descriptors or memory: connections end and give some back, so a pause helps.
            case EMFILE, ENFILE, ENOBUFS, ENOMEM: _ = poll(nil, 0, 50)
            default: return nil
            }
        }
    }

    /// Bytes that arrived, at most `limit`; empty at the end of the stream, on a reset and after the idle
    /// time-out.
    func read(atMost limit: Int) -> [UInt8] {
        unsafe [UInt8](unsafeUninitializedCapacity: limit) { region, count in
            var received: Int
            repeat {
                received = unsafe recv(descriptor, region.baseAddress, limit, 0)
            } while received < 0
                && errno == EINTR
            count = max(0, received)
        }
    }

    /// Writes everything; false once the peer takes no more.
    func write(_ bytes: [UInt8]) -> Bool {
        unsafe bytes.withUnsafeBytes { region in
            var sent = 0
            while sent < region.count {
                let rest = unsafe UnsafeRawBufferPointer(rebasing: region[sent...])
                let result = unsafe send(descriptor, rest.baseAddress, rest.count, Int32(MSG_NOSIGNAL))
                if result < 0, errno == EINTR { continue }
                guard result > 0 else { return false }
                sent += result
            }
            return true
        }
    }

    /// Waits, unless the peer leaves or the socket is shut down meanwhile.
    func wait(milliseconds: Int32) -> Wait {
        // POLLRDHUP, which Glibc declares for GNU sources only.
        var entry = pollfd(fd: descriptor, events: 0x2000, revents: 0)
        return unsafe poll(&entry, 1, milliseconds) == 0 ? .timedOut : .peerLeft
    }

    /// Ends both directions, so that a thread that blocks on the socket wakes up.
    func shutdownBoth() { _ = shutdown(descriptor, Int32(SHUT_RDWR)) }

    /// Makes `close` answer the peer with a reset.
    func resetOnClose() { set(SOL_SOCKET, SO_LINGER, to: linger(l_onoff: 1, l_linger: 0)) }

    func close() { _ = Glibc.close(descriptor) }

    private func set<Value: BitwiseCopyable>(_ level: Int32, _ option: Int32, to value: Value) {
        unsafe withUnsafePointer(to: value) { pointer in
            _ = unsafe setsockopt(descriptor, level, option, pointer, socklen_t(MemoryLayout<Value>.size))
        }
    }
}
