import Glibc
import Reactor

/// What processes have spent on cores so far: all threads of each, from `/proc/PID/task/TID/schedstat`, whose
/// first number is nanoseconds (the kernel's sched-stats.rst). Threads that have ended are missing.
// SAFETY: the folder's entry belongs to the stream until the next call; its name is copied at once.
struct ProcessTimes {
    private(set) var nanoseconds: Int64 = 0

    init() {}

    init(of processes: [Int]) {
        for process in processes {
            for thread in Self.entries(of: "/proc/\(process)/task") {
                nanoseconds += Self.time(of: "/proc/\(process)/task/\(thread)/schedstat")
            }
        }
    }

    private static func time(of path: String) -> Int64 {
        guard let bytes = try? ProcessFiles.read(path, limit: 4096) else { return 0 }
        return Int64(String(decoding: bytes.prefix { $0 != 0x20 }, as: UTF8.self)) ?? 0
    }

    private static func entries(of folder: String) -> [String] {
        guard let stream = unsafe opendir(folder) else { return [] }
        defer { unsafe closedir(stream) }
        var names: [String] = []
        while let entry = unsafe readdir(stream) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) {
                unsafe $0.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
            }
            if name.first != "." { names.append(name) }
        }
        return names
    }
}
