import Foundation
import Synchronization

/// Sockets on this machine, for servers that tests start and for servers that tests are.
package enum TestPort {
    package struct Failure: Error {}

    /// Where ports are looked for: below those that the kernel gives to clients (32768 and up), any of which
    /// might take a port between its choice and its use.
    private static let range = 10_000..<32_768
    private static let next = Atomic<Int>(Int(getpid()) * 991)

    /// A port that was free a moment ago, and that no other caller of this process has been given.
    package static func free() throws -> UInt16 {
        for _ in range {
            let step = next.add(1, ordering: .relaxed).newValue
            guard let listener = try? listen(port: UInt16(range.lowerBound + step % range.count)) else {
                continue
            }
            close(listener.descriptor)
            return listener.port
        }
        throw Failure()
    }

    /// A socket that listens; on a port of the kernel's choice without one.
    package static func listen(port: UInt16 = 0) throws -> (descriptor: Int32, port: UInt16) {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = local(port: port)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0 && Glibc.listen(descriptor, 64) == 0
                    && getsockname(descriptor, $0, &length) == 0
            }
        }
        guard isBound else {
            close(descriptor)
            throw Failure()
        }
        return (descriptor, UInt16(bigEndian: address.sin_port))
    }

    /// A socket that is connected to a port of this machine.
    static func connect(port: UInt16) throws -> Int32 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = local(port: port)
        let isConnected = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
        guard isConnected else {
            close(descriptor)
            throw Failure()
        }
        return descriptor
    }

    /// Sends a text, and returns what comes first.
    static func ask(port: UInt16, _ text: String) throws -> String {
        let descriptor = try connect(port: port)
        defer { close(descriptor) }
        var limit = timeval(tv_sec: 2, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        _ = send(descriptor, text, text.utf8.count, Int32(MSG_NOSIGNAL))
        var block = [UInt8](repeating: 0, count: 1024)
        let count = recv(descriptor, &block, block.count, 0)
        return String(decoding: block.prefix(max(0, count)), as: UTF8.self)
    }

    private static func local(port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return address
    }
}
