import Addressing
import CLinux
import Glibc

/// The kernel's form of a socket address.
// SAFETY: `storage` is as large as any address the kernel writes; it is reinterpreted only as the family it
// names.
struct RawAddress {
    private var storage = sockaddr_storage()
    private var length = socklen_t(MemoryLayout<sockaddr_storage>.size)

    /// Empty, to be filled by the kernel.
    init() {}

    init(_ address: SocketAddress) {
        switch address {
        case .ip(let ip, let port) where ip.isIPv4:
            var raw = sockaddr_in()
            raw.sin_family = sa_family_t(AF_INET)
            raw.sin_port = port.bigEndian
            raw.sin_addr.s_addr = UInt32(truncatingIfNeeded: ip.bits).bigEndian
            fill(raw)
        case .ip(let ip, let port):
            var raw = sockaddr_in6()
            raw.sin6_family = sa_family_t(AF_INET6)
            raw.sin6_port = port.bigEndian
            unsafe withUnsafeMutableBytes(of: &raw.sin6_addr) {
                unsafe $0.storeBytes(of: ip.bits.bigEndian, as: UInt128.self)
            }
            fill(raw)
        case .unix(let path):
            var raw = sockaddr_un()
            raw.sun_family = sa_family_t(AF_UNIX)
            unsafe withUnsafeMutableBytes(of: &raw.sun_path) { target in
                for (index, byte) in path.utf8.prefix(SocketAddress.longestPath).enumerated() {
                    unsafe target[index] = byte
                }
            }
            fill(raw)
        }
    }

    /// A copy of an address that the system gave.
    init(copying address: UnsafePointer<sockaddr>) {
        let size =
            switch Int32(unsafe address.pointee.sa_family) {
            case AF_INET: MemoryLayout<sockaddr_in>.size
            case AF_INET6: MemoryLayout<sockaddr_in6>.size
            default: MemoryLayout<sockaddr>.size
            }
        unsafe withUnsafeMutableBytes(of: &storage) { target in
            unsafe target.copyMemory(from: UnsafeRawBufferPointer(start: address, count: size))
        }
        length = socklen_t(size)
    }

    /// A unix path that begins with `@` names a socket outside of the file system: its first byte is zero,
    /// and it has no closing one.
    mutating func makeAbstractIfNamed() {
        let offset = MemoryLayout<sa_family_t>.size
        unsafe withUnsafeMutableBytes(of: &storage) { bytes in
            guard unsafe bytes[offset] == 0x40 else { return }
            unsafe bytes[offset] = 0
            var end = offset + 1
            while unsafe bytes[end] != 0 { end += 1 }
            length = socklen_t(end)
        }
    }

    private mutating func fill<Raw>(_ raw: Raw) {
        unsafe withUnsafeMutableBytes(of: &storage) { unsafe $0.storeBytes(of: raw, as: Raw.self) }
        length = socklen_t(MemoryLayout<Raw>.size)
    }

    func withPointer<R>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> R) -> R {
        unsafe withUnsafePointer(to: storage) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe body($0, length) }
        }
    }

    /// Lets the kernel write an address and its length.
    mutating func withMutablePointer<R>(
        _ body: (UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> R
    ) -> R {
        var written = length
        let result = unsafe withUnsafeMutablePointer(to: &storage) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe body($0, &written) }
        }
        length = written
        return result
    }

    /// The IP address and port; nil for a unix socket.
    var ip: (address: IPAddress, port: UInt16)? {
        switch Int32(storage.ss_family) {
        case AF_INET:
            let raw = unsafe withUnsafeBytes(of: storage) { unsafe $0.load(as: sockaddr_in.self) }
            return (IPAddress(ipv4: UInt32(bigEndian: raw.sin_addr.s_addr)), UInt16(bigEndian: raw.sin_port))
        case AF_INET6:
            var raw = unsafe withUnsafeBytes(of: storage) { unsafe $0.load(as: sockaddr_in6.self) }
            let bits = unsafe withUnsafeBytes(of: &raw.sin6_addr) {
                unsafe $0.loadUnaligned(as: UInt128.self)
            }
            return (IPAddress(bits: UInt128(bigEndian: bits)), UInt16(bigEndian: raw.sin6_port))
        default:
            return nil
        }
    }
}
