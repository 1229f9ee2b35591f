import Foundation
import Synchronization
import Testing

/// One gateway for all faults of the table: each has an origin and an upstream of its own, so that what one
/// leaves behind cannot hide in another's way, and all of them share clients' side, buffers and timers.
struct FaultHouse: SuiteTrait, TestScoping {
    final class Place: Sendable {
        let gateway: GatewayProcess
        /// By the fault's place in the table; nil where nobody serves.
        let origins: [ScriptedOrigin?]
        private let holes: [BlackHole]
        private let silent: [Int32]
        private let paths: [String]
        private let faultsMet = Mutex<Set<Int>>([])

        init() throws {
            var origins: [ScriptedOrigin?] = []
            var holes: [BlackHole] = []
            var silent: [Int32] = []
            var paths: [String] = []
            var upstreams: [String] = []
            for (index, fault) in OriginFault.all.enumerated() {
                var origin: ScriptedOrigin?
                let address: String
                switch fault.listener {
                case .tcp:
                    origin = try ScriptedOrigin(scripts: fault.scripts)
                    address = "127.0.0.1:\(origin?.port ?? 0)"
                case .ipv6:
                    origin = try ScriptedOrigin(ipv6: fault.scripts)
                    address = "'[::1]:\(origin?.port ?? 0)'"
                case .unix:
                    let path = Loopback.unusedSocketPath()
                    origin = try ScriptedOrigin(unix: path, scripts: fault.scripts)
                    paths.append(path)
                    address = "unix:\(path)"
                case .nobody:
                    address = "127.0.0.1:\(try Loopback.freePorts(1)[0])"
                case .deaf:
                    let (descriptor, port) = try Loopback.listen()
                    silent.append(descriptor)
                    address = "127.0.0.1:\(port)"
                case .blackHole:
                    let hole = try BlackHole()
                    holes.append(hole)
                    address = "127.0.0.1:\(hole.port)"
                }
                origins.append(origin)
                upstreams.append("  f\(index): { servers: [\(address)], \(fault.upstream) }")
            }
            (self.origins, self.holes, self.silent, self.paths) = (origins, holes, silent, paths)
            let routes = upstreams.indices.map { "  - { path: /f\($0)/*, upstream: f\($0) }" }
            gateway = try GatewayProcess(
                routing: """
                    security_headers: { preset: off, remove: [] }
                    upstreams:
                    \(upstreams.joined(separator: "\n"))
                    routes:
                    \(routes.joined(separator: "\n"))
                    """)
        }

        /// A fault has had its turn: the log has a line for it, now or soon.
        func met(_ index: Int) { faultsMet.withLock { _ = $0.insert(index) } }

        /// Every fault has exactly one line in the access log, which says what happened. Looked at once, at
        /// the end: a quiet gateway takes its time to write.
        fileprivate func checkLog() throws {
            let met = faultsMet.withLock { $0 }
            let paths = Set(met.map { "/f\($0)/x" })
            let lines = try eventually("\(met.count) lines of the access log", within: .seconds(20)) {
                let lines = gateway.logLines().filter { paths.contains($0["path"] as? String ?? "") }
                return lines.count >= met.count ? lines : nil
            }
            let found = Dictionary(grouping: lines) { $0["path"] as? String ?? "" }
            for index in met.sorted() {
                let fault = OriginFault.all[index]
                let line = found["/f\(index)/x"]?.first
                #expect(found["/f\(index)/x"]?.count == 1, "\(fault.name)")
                #expect(line?["outcome"] as? String == fault.outcome, "\(fault.name)")
                #expect(line?["status"] as? Int == fault.seen.status, "\(fault.name)")
                #expect(line?["retries"] as? Int == fault.retries, "\(fault.name)")
            }
        }

        func leave() {
            for origin in origins { origin?.stop() }
            for descriptor in silent { close(descriptor) }
            for path in paths { unlink(path) }
        }
    }

    @TaskLocal static var place: Place?

    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        let place = try Place()
        defer { place.leave() }
        try await FaultHouse.$place.withValue(place) { try await function() }
        try place.checkLog()
    }
}
