import CLinux
import Glibc

/// Files and variables that the control plane reads, whole and at once.
// SAFETY: buffers live through each call; environment strings are copied at once.
package enum ProcessFiles {
    /// The bytes of a file, or why they cannot be had. A file longer than `limit` is refused with EFBIG.
    package static func read(_ path: String, limit: Int) throws(SystemError) -> [UInt8] {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw SystemError("open", code: errno) }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = unsafe chunk.withUnsafeMutableBytes {
                unsafe Glibc.read(descriptor, $0.baseAddress, $0.count)
            }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw SystemError("read", code: errno) }
            if count == 0 { return bytes }
            bytes += chunk.prefix(count)
            guard bytes.count <= limit else { throw SystemError("read", code: EFBIG) }
        }
    }

    /// The environment as it is now.
    package static var environment: [String: String] {
        var variables: [String: String] = [:]
        var entry = unsafe floodgate_environment()
        while let text = unsafe entry?.pointee {
            let parts = unsafe String(cString: text).split(
                separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if parts.count == 2 { variables[String(parts[0])] = String(parts[1]) }
            unsafe entry = entry?.successor()
        }
        return variables
    }
}

/// Which file stands at a path, beyond its name.
// SAFETY: the kernel writes into a record of this frame.
package struct FileIdentity: Hashable, Sendable {
    private let device: UInt
    private let inode: UInt

    /// Nil where no socket stands there. Links are not followed.
    package init?(ofSocketAt path: String) {
        var information = stat()
        guard unsafe lstat(path, &information) == 0, information.st_mode & S_IFMT == S_IFSOCK else {
            return nil
        }
        device = UInt(information.st_dev)
        inode = UInt(information.st_ino)
    }
}

/// What tells one state of a file from another, without reading it.
// SAFETY: the kernel writes into a record of this frame.
package struct FileVersion: Hashable, Sendable {
    private let device: UInt
    private let inode: UInt
    private let size: Int
    private let changed: Int64

    /// Nil where there is none. Links are followed: what they lead to counts.
    package init?(of path: String) {
        var information = stat()
        guard unsafe stat(path, &information) == 0 else { return nil }
        device = UInt(information.st_dev)
        inode = UInt(information.st_ino)
        size = Int(information.st_size)
        changed = Int64(information.st_mtim.tv_sec) * 1_000_000_000 + Int64(information.st_mtim.tv_nsec)
    }
}
