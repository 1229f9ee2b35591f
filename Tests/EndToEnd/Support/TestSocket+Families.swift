import Foundation

// Addresses other than 127.0.0.1.
extension TestSocket {
    static func connect(unix path: String) throws(SocketError) -> TestSocket {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw .cannotOpen(errno: errno) }
        guard Loopback.withAddress(unix: path, { Glibc.connect(descriptor, $0, $1) }) == 0 else {
            let code = errno
            Glibc.close(descriptor)
            throw .cannotConnect(errno: code)
        }
        return TestSocket(adopting: descriptor)
    }

    /// To 127.0.0.1, from another address of this machine's loopback.
    ///
    /// - Parameter host: the last byte of the address to come from.
    static func connect(port: UInt16, from host: UInt8) throws(SocketError) -> TestSocket {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw .cannotOpen(errno: errno) }
        let isBound = Loopback.withAddress(port: 0, host: host) { bind(descriptor, $0, $1) } == 0
        guard isBound, Loopback.withAddress(port: port, { Glibc.connect(descriptor, $0, $1) }) == 0 else {
            let code = errno
            Glibc.close(descriptor)
            throw .cannotConnect(errno: code)
        }
        return TestSocket(adopting: descriptor)
    }

    /// To [::1].
    static func connect(ipv6Port port: UInt16) throws(SocketError) -> TestSocket {
        let descriptor = socket(AF_INET6, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw .cannotOpen(errno: errno) }
        var address = sockaddr_in6()
        address.sin6_family = sa_family_t(AF_INET6)
        address.sin6_port = port.bigEndian
        address.sin6_addr = in6addr_loopback
        let status = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in6>.size))
            }
        }
        guard status == 0 else {
            let code = errno
            Glibc.close(descriptor)
            throw .cannotConnect(errno: code)
        }
        return TestSocket(adopting: descriptor)
    }
}

extension Loopback {
    static func withAddress<Result>(
        unix path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
    ) -> Result {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }

    /// A path for a unix socket, short enough for its address.
    static func unusedSocketPath() -> String {
        FileManager.default.temporaryDirectory.appendingPathComponent("fg-\(UUID().uuidString).sock").path
    }

    /// A descriptor that listens on a unix socket.
    static func listen(unix path: String) throws(SocketError) -> Int32 {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw .cannotOpen(errno: errno) }
        guard withAddress(unix: path, { bind(descriptor, $0, $1) }) == 0, Glibc.listen(descriptor, 64) == 0
        else {
            let code = errno
            close(descriptor)
            throw .cannotOpen(errno: code)
        }
        return descriptor
    }
}

extension Loopback {
    /// A descriptor that listens on a free port of [::1], and that port.
    static func listenIPv6() throws(SocketError) -> (descriptor: Int32, port: UInt16) {
        let descriptor = socket(AF_INET6, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw .cannotOpen(errno: errno) }
        var address = sockaddr_in6()
        address.sin6_family = sa_family_t(AF_INET6)
        address.sin6_addr = in6addr_loopback
        var length = socklen_t(MemoryLayout<sockaddr_in6>.size)
        let status = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                guard bind(descriptor, address, length) == 0, Glibc.listen(descriptor, 512) == 0 else {
                    return errno
                }
                getsockname(descriptor, address, &length)
                return 0
            }
        }
        guard status == 0 else {
            close(descriptor)
            throw .cannotOpen(errno: status)
        }
        return (descriptor, UInt16(bigEndian: address.sin6_port))
    }
}

/// A port where connects are never answered: its backlog is full, and nobody takes connections out of it.
final class BlackHole: Sendable {
    let port: UInt16
    private let listener: Int32
    private let fillers: [Int32]

    init() throws(SocketError) {
        (listener, port) = try Loopback.listen()
        // A second call narrows the backlog; zero still admits one.
        listen(listener, 0)
        let port = self.port
        fillers = (0..<4).map { _ in
            let filler = socket(
                AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)
            _ = Loopback.withAddress(port: port) { connect(filler, $0, $1) }
            return filler
        }
        poll(nil, 0, 20)
    }

    deinit { for descriptor in fillers + [listener] { close(descriptor) } }
}
