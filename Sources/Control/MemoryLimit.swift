import Proxy
import Reactor

/// How much memory the process may use, and why so much.
package struct MemoryLimit: Equatable, Sendable {
    package let bytes: Int
    /// For people: `set by memory_limit`, or what it was made from.
    package let reason: String

    /// Per cent of what there is that the process takes for itself where the settings say nothing. The rest
    /// is for the kernel's buffers, which no process counts as its own.
    private static let share = 80

    /// The setting, or a share of what the machine and the control groups leave.
    package static func find(_ setting: Int?) -> MemoryLimit {
        if let setting { return MemoryLimit(bytes: setting, reason: "set by memory_limit") }
        return automatic(
            machine: ProcessLimits.machineMemory, groups: text("/proc/self/cgroup") ?? "", read: text)
    }

    /// - Parameters:
    ///   - groups: the text of `/proc/self/cgroup` (cgroups(7)).
    ///   - read: the text of a file; nil where there is none.
    static func automatic(machine: Int, groups: String, read: (String) -> String?) -> MemoryLimit {
        let group = files(groups).compactMap { read($0).flatMap(number) }.min()
        guard let group, group < machine else {
            return MemoryLimit(
                bytes: machine / 100 * share, reason: "\(share) % of the machine's \(machine >> 20) MiB")
        }
        return MemoryLimit(
            bytes: group / 100 * share, reason: "\(share) % of the control group's \(group >> 20) MiB")
    }

    /// Files that may hold a limit: those of the process' own group and of all above it. In a container the
    /// own group may be the root of what can be seen, whatever its path says.
    private static func files(_ groups: String) -> [String] {
        groups.split(separator: "\n").flatMap { line -> [String] in
            let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3 else { return [] }
            let isUnified = parts[0] == "0" && parts[1].isEmpty
            guard isUnified || parts[1].split(separator: ",").contains("memory") else { return [] }
            let root = isUnified ? "/sys/fs/cgroup" : "/sys/fs/cgroup/memory"
            let name = isUnified ? "memory.max" : "memory.limit_in_bytes"
            let steps = parts[2].split(separator: "/")
            return (0...steps.count).map { depth in
                ([root] + steps.prefix(depth).map(String.init) + [name]).joined(separator: "/")
            }
        }
    }

    /// `max`, and what version 1 says instead, a number beyond all memory, are no limits.
    private static func number(_ text: String) -> Int? {
        Int(text.prefix { $0.isNumber })
    }

    private static func text(_ path: String) -> String? {
        guard let bytes = try? ProcessFiles.read(path, limit: 65_536) else { return nil }
        return String(decoding: bytes, as: UTF8.self)
    }
}
