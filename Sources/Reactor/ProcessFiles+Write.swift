import Glibc

// SAFETY: paths and bytes live through each call.
extension ProcessFiles {
    /// Who may read a file that is written.
    package enum Readers: Sendable {
        /// Whom the process's umask lets.
        case anyone
        /// Its owner alone, from the first byte on.
        case owner
        /// The owner of the file that it takes the place of, alone: root may write what another user reads.
        case formerOwner

        fileprivate var mode: mode_t {
            switch self {
            case .anyone: 0o644
            case .owner, .formerOwner: 0o600
            }
        }
    }

    /// Puts a file in the place of whatever stands at `path`: whole or not at all. It is on the disk when
    /// this returns.
    package static func write(
        _ bytes: [UInt8], to path: String, readers: Readers
    ) throws(SystemError) {
        let draft = path + ".new"
        // What a killed process left behind.
        if unsafe unlink(draft) != 0, errno != ENOENT { throw SystemError("unlink", code: errno) }
        let flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC
        let descriptor = unsafe open(draft, flags, readers.mode)
        guard descriptor >= 0 else { throw SystemError("open", code: errno) }
        do throws(SystemError) {
            defer { close(descriptor) }
            if readers == .formerOwner { try takeOver(from: path, descriptor) }
            try write(bytes, to: descriptor)
            guard fsync(descriptor) == 0 else { throw SystemError("fsync", code: errno) }
        } catch {
            _ = unsafe unlink(draft)
            throw error
        }
        guard unsafe rename(draft, path) == 0 else {
            let error = SystemError("rename", code: errno)
            _ = unsafe unlink(draft)
            throw error
        }
    }

    /// Makes a folder where there is none; the one around it must exist.
    package static func makeFolder(_ path: String) throws(SystemError) {
        guard unsafe mkdir(path, 0o755) != 0 else { return }
        let code = errno
        guard code == EEXIST else { throw SystemError("mkdir", code: code) }
        var information = stat()
        guard unsafe stat(path, &information) == 0, information.st_mode & S_IFMT == S_IFDIR else {
            throw SystemError("mkdir", code: ENOTDIR)
        }
    }

    private static func takeOver(from path: String, _ descriptor: Int32) throws(SystemError) {
        var information = stat()
        guard unsafe stat(path, &information) == 0, information.st_uid != geteuid() else { return }
        guard fchown(descriptor, information.st_uid, information.st_gid) == 0 else {
            throw SystemError("fchown", code: errno)
        }
    }

    private static func write(_ bytes: [UInt8], to descriptor: Int32) throws(SystemError) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes {
                unsafe Glibc.write(descriptor, $0.baseAddress, $0.count)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw SystemError("write", code: errno) }
            rest = rest.dropFirst(count)
        }
    }
}

/// Keeps other processes that ask for the same out of a folder while something is done there: two commands
/// that read a file and write it anew would each undo what the other has done.
// SAFETY: the path lives through each call.
package enum FolderLock {
    /// Waits for its turn, then calls `body`.
    ///
    /// - Parameter path: Of a file in the folder.
    package static func held<Result, Failure: Error>(
        around path: String, _ body: () throws(Failure) -> Result
    ) throws(Failure) -> Swift.Result<Result, SystemError> {
        let slash = path.lastIndex(of: "/")
        let folder = slash.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        let descriptor = unsafe open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return .failure(SystemError("open", code: errno)) }
        // The lock goes with the descriptor.
        defer { close(descriptor) }
        while flock(descriptor, LOCK_EX) != 0 {
            guard errno == EINTR else { return .failure(SystemError("flock", code: errno)) }
        }
        return .success(try body())
    }
}
