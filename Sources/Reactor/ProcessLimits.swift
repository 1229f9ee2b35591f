import CLinux
import Glibc

/// What the system allows this process, and what it is.
package enum ProcessLimits {
    /// Raises the number of descriptors to what the hard limit allows, and returns it.
    // SAFETY: the limit is this frame's.
    package static func raiseDescriptors() -> Int {
        var limit = rlimit()
        guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 1024 }
        if limit.rlim_cur < limit.rlim_max {
            limit.rlim_cur = limit.rlim_max
            _ = unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
            _ = unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        }
        return Int(clamping: limit.rlim_cur)
    }

    /// Gives memory that was freed back to the system. Takes about a millisecond for each 10 MB: after
    /// bursts, not for every request.
    package static func returnFreeMemory() { _ = malloc_trim(0) }

    /// Cores of the machine that are online; at least 1.
    package static var cores: Int { max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) }

    /// Bytes of memory that the machine has.
    package static var machineMemory: Int { sysconf(Int32(_SC_PHYS_PAGES)) * sysconf(Int32(_SC_PAGESIZE)) }

    package static var processID: Int { Int(getpid()) }

    /// 64 random bits from the kernel.
    package static var randomSeed: UInt64 { UInt64.random(in: 0...UInt64.max) }
}
