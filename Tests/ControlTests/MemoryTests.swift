import Proxy
import Reactor
import Testing

@testable import Control

@Suite struct MemoryTests {
    @Test func `levels are left at less than what they are entered at`() {
        var watch = MemoryGuard()
        let story: [(used: Int, level: MemoryLevel)] = [
            (10, .calm), (84, .calm), (85, .tight), (76, .tight), (75, .tight), (74, .calm), (84, .calm),
            (94, .tight), (95, .full), (91, .full), (90, .full), (89, .tight), (95, .full), (100, .full),
            (300, .full), (74, .calm), (100, .full), (80, .tight), (10, .calm),
        ]
        for (step, entry) in story.enumerated() {
            let reading = watch.look(used: entry.used << 20, limit: 100 << 20)
            #expect(reading.level == entry.level, "step \(step)")
        }
    }

    @Test func `headroom ends where requests are refused`() {
        var watch = MemoryGuard()
        #expect(watch.look(used: 400, limit: 1000).headroom == 550)
        #expect(watch.look(used: 950, limit: 1000).headroom == 0)
        #expect(watch.look(used: 5000, limit: 1000).headroom == 0)
    }

    private static let mebibyte = 1 << 20

    struct Case: Sendable, CustomTestStringConvertible {
        let name: String
        let groups: String
        let files: [String: String]
        let limit: Int
        var testDescription: String { name }
    }

    @Test(arguments: [
        Case(name: "no groups", groups: "", files: [:], limit: 800),
        Case(
            name: "version 2", groups: "0::/system.slice/gateway.service\n",
            files: ["/sys/fs/cgroup/system.slice/gateway.service/memory.max": "\(500 << 20)\n"], limit: 400),
        Case(
            name: "version 2, a parent has less", groups: "0::/a/b\n",
            files: [
                "/sys/fs/cgroup/a/b/memory.max": "max\n", "/sys/fs/cgroup/a/memory.max": "\(100 << 20)\n",
            ], limit: 80),
        Case(
            name: "a container sees its own group as the root", groups: "0::/\n",
            files: ["/sys/fs/cgroup/memory.max": "\(250 << 20)\n"], limit: 200),
        Case(
            name: "version 1", groups: "9:name=systemd:/\n4:cpu,memory:/docker/1\n0::/\n",
            files: ["/sys/fs/cgroup/memory/memory.limit_in_bytes": "\(50 << 20)\n"], limit: 40),
        Case(
            name: "version 1 without a limit", groups: "4:memory:/\n",
            files: ["/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n"], limit: 800),
        Case(
            name: "more than the machine has", groups: "0::/\n",
            files: ["/sys/fs/cgroup/memory.max": "\(5000 << 20)\n"], limit: 800),
    ])
    func `the limit is a share of what machine and control groups leave`(_ one: Case) {
        let limit = MemoryLimit.automatic(machine: 1000 << 20, groups: one.groups) { one.files[$0] }
        #expect(abs(limit.bytes - one.limit << 20) < 100)
        #expect(limit.reason.contains(one.limit == 800 ? "machine" : "control group"))
    }

    @Test func `resident memory is what the kernel says elsewhere, too`() throws {
        let resident = ResidentMemory()
        let told = try #require(ProcessNumbers.now().residentBytes)
        for _ in 0..<2 {
            let bytes = resident.bytes() ?? 0
            #expect(abs(bytes - told) < told / 4)
        }
    }

    @Test func `a limit that is set is the limit`() {
        #expect(MemoryLimit.find(64 << 20).bytes == 64 << 20)
        #expect(MemoryLimit.find(nil).bytes > Self.mebibyte)
    }

    @Test func `workers hear of each look once`() {
        let pressure = MemoryPressure()
        var seen = 0
        #expect(pressure.news(since: &seen) == nil)
        let reading = MemoryPressure.Reading(level: .tight, headroom: 7)
        pressure.publish(reading)
        #expect(pressure.news(since: &seen) == reading)
        #expect(pressure.news(since: &seen) == nil)
        #expect(pressure.current == .tight)
        #expect(MemoryLevel(name: MemoryLevel.full.name) == .full)
    }
}
