import Glibc

/// The process' resident memory, to be asked for again and again. Holds the file open: asking works also
/// where no descriptor is left, and makes none come and go.
// SAFETY: the kernel writes into memory of this frame, no more than its size.
package struct ResidentMemory: ~Copyable {
    private let descriptor: Int32
    private let pageSize = sysconf(Int32(_SC_PAGESIZE))

    /// Asks for nothing where `/proc` is not there.
    package init() { unsafe descriptor = open("/proc/self/statm", O_RDONLY | O_CLOEXEC) }

    deinit { if descriptor >= 0 { close(descriptor) } }

    /// Bytes; nil where the kernel does not say. The second number of the file counts pages
    /// (proc_pid_statm(5)).
    package func bytes() -> Int? {
        var line = InlineArray<128, UInt8>(repeating: 0)
        var span = line.mutableSpan
        let count = unsafe span.withUnsafeMutableBytes {
            unsafe pread(descriptor, $0.baseAddress, $0.count, 0)
        }
        guard count > 0 else { return nil }
        var numbers = 0
        var pages = 0
        for index in 0..<count {
            switch line[index] {
            case 0x20:
                if numbers == 1 { return pages * pageSize }
                numbers += 1
            case let digit where numbers == 1 && digit >= 0x30 && digit <= 0x39:
                pages = pages * 10 + Int(digit - 0x30)
            default: break
            }
        }
        return nil
    }
}
