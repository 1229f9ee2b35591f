import Addressing
import Foundation
import Proxy
import Reactor
import Settings
import TLS
import Testing

@testable import Control

/// Listening sockets from one set of settings to the next.
@Suite(.timeLimit(.minutes(20))) struct DoorsTests {
    private func listeners(_ port: UInt16) throws -> [ListenerSettings] {
        let text = "listeners: [{ address: 127.0.0.1:\(port) }]\n"
        let loaded = GatewaySettings.load(text: text, file: "test", environment: [:])
        return try #require(loaded.settings).listeners
    }

    /// A port that was free a moment ago.
    private func freePort() throws -> UInt16 {
        let probe = try Listener(.ip(.loopback, port: 0), backlog: 1)
        defer { probe.socket.close() }
        guard case .ip(_, let port) = probe.address else { return 0 }
        return port
    }

    @Test func `an address that workers are still closing can be opened again`() throws {
        let settings = try listeners(try freePort())
        var doors = Doors(workers: 2)
        let first = try doors.open(settings, ticketKeys: TicketKeys())
        #expect(try doors.open([], ticketKeys: TicketKeys()).allSatisfy(\.isEmpty))
        // The workers close theirs a little later.
        Thread.detachNewThread {
            poll(nil, 0, 50)
            for listener in first.joined() { listener.listener.socket.close() }
        }
        let second = try doors.open(settings, ticketKeys: TicketKeys())
        #expect(second.count == 2)
        for listener in second.joined() { listener.listener.socket.close() }
    }

    @Test func `an address that somebody else holds is refused at once and nothing changes`() throws {
        let holder = try Listener(.ip(.loopback, port: 0), backlog: 1)
        defer { holder.socket.close() }
        guard case .ip(_, let taken) = holder.address else { return }
        let free = try freePort()
        var doors = Doors(workers: 1)
        let first = try doors.open(try listeners(free), ticketKeys: TicketKeys())
        let start = ContinuousClock.now
        #expect(throws: Doors.Failure.self) {
            try doors.open(try self.listeners(taken), ticketKeys: TicketKeys())
        }
        #expect(ContinuousClock.now - start < .milliseconds(500))
        #expect(doors.addresses == first[0].map(\.plan.address))
        for listener in first.joined() { listener.listener.socket.close() }
    }
}
