import Glibc

/// What the kernel says about this process.
// SAFETY: paths are literals; the kernel writes into memory of the caller's frame, no more than its size.
package struct ProcessNumbers: Sendable {
    /// Resident memory; nil where `/proc` is not there.
    package let residentBytes: Int?
    /// Open descriptors; nil where the kernel is older than 6.2 and would have to be asked for each of them.
    package let openDescriptors: Int?

    package static func now() -> ProcessNumbers {
        ProcessNumbers(residentBytes: readResidentBytes(), openDescriptors: countDescriptors())
    }

    /// The second number of `/proc/self/statm` counts resident pages (proc_pid_statm(5)).
    private static func readResidentBytes() -> Int? {
        let descriptor = unsafe open("/proc/self/statm", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var line = [UInt8](repeating: 0, count: 256)
        let count = unsafe read(descriptor, &line, line.count)
        guard count > 0 else { return nil }
        let numbers = line[..<count].split(separator: 0x20)
        guard numbers.count > 1, let pages = Int(String(decoding: numbers[1], as: UTF8.self)) else {
            return nil
        }
        return pages * sysconf(Int32(_SC_PAGESIZE))
    }

    /// Since Linux 6.2 the size of the directory is the number of descriptors.
    private static func countDescriptors() -> Int? {
        var information = stat()
        guard unsafe stat("/proc/self/fd", &information) == 0, information.st_size > 0 else { return nil }
        return Int(information.st_size)
    }
}
