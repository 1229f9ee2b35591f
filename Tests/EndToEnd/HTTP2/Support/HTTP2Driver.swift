import Foundation
import Testing

/// Runs a case and judges what came of it.
struct HTTP2Driver {
    let port: UInt16
    /// Whether a connection error must be told by GOAWAY.
    let isStrict: Bool

    /// Two, one behind the answer to the other: answers to PING may overtake what was caused before.
    private static let probes = [Array("isAlive?".utf8), Array("indeed? ".utf8)]
    /// How long anything may take; what comes, comes at once.
    private static let limit = Duration.seconds(8)

    func run(_ row: HTTP2Case) throws {
        let client = try HTTP2Client(
            port: port, limit: Self.limit, isText: row.opening == .nothing && !row.isProbed)
        defer { client.close() }
        // Where the server has ended the connection already, the rest cannot be sent.
        do {
            if row.opening == .greeting { try client.greet() }
            try perform(row.steps, client)
            if row.isProbed { try client.send(.ping(Self.probes[0])) }
        } catch is HTTP2Ended {
        } catch SocketError.reset {
        } catch {
            Issue.record("\(row.testDescription): \(error); seen: \(client.summary)")
            return
        }
        let isTimely = waitForVerdict(row, client)
        let fault = judge(row, client)
        let late = isTimely ? "" : " (nothing more came)"
        let story = "\(fault ?? "")\(late); accepted: \(row.accepted); seen: \(client.summary)"
        #expect(fault == nil, "\(row.testDescription): \(story)")
        #expect(client.violations.isEmpty, "\(row.testDescription): the server itself breaks rules")
    }

    private func perform(_ steps: [HTTP2Step], _ client: HTTP2Client) throws {
        var pending: [UInt8] = []
        func flush() throws {
            if !pending.isEmpty { try client.send(pending) }
            pending = []
        }
        for step in steps {
            switch step {
            case .bytes(let bytes): pending += bytes
            case .frame(let frame): pending += frame.bytes
            case .dripped(let bytes):
                try flush()
                for byte in bytes { try client.send([byte]) }
            case .untilOver(let stream):
                try flush()
                _ = try client.answer(stream)
            case .untilAcknowledged(let count):
                try flush()
                try client.wait(for: "\(count) acknowledgements") { client.settingsAcks >= count }
            }
        }
        try flush()
    }

    /// Reads as long as what comes could change the verdict; false where the time was up.
    private func waitForVerdict(_ row: HTTP2Case, _ client: HTTP2Client) -> Bool {
        do {
            if row.isProbed {
                try client.wait(for: "the answer to PING") { client.pongs.contains(Self.probes[0]) }
                try client.send(.ping(Self.probes[1]))
            }
            try client.wait(for: "a verdict") {
                guard row.isProbed, isAnswered(client), !hasFailed(client) else { return false }
                return !row.accepted.needsStream || client.answer(sofar: row.accepted.stream).isOver
                    || row.accepted.alive
            }
            return true
        } catch is HTTP2Ended {
            return true
        } catch SocketError.reset {
            try? client.waitForEnd()
            return true
        } catch {
            return false
        }
    }

    /// What is wrong; nil where all is as it may be.
    private func judge(_ row: HTTP2Case, _ client: HTTP2Client) -> String? {
        let accepted = row.accepted
        let answer = client.answer(sofar: accepted.stream)
        let isServed = answer.hasEnded && answer.status.map { $0 < 500 } == true
        if accepted.mayEnd, isServed, !hasFailed(client) { return nil }
        if client.isClosed || hasFailed(client) {
            guard client.isClosed else { return "GOAWAY without the end of the connection" }
            if let goAway = client.goAways.first(where: { $0.code != HTTP2Code.none }) {
                return accepted.goAways.contains(goAway.code) ? nil : "a connection error"
            }
            let mayClose = accepted.close || (!isStrict && !accepted.goAways.isEmpty)
            return mayClose ? nil : "the end of the connection"
        }
        if let code = answer.reset, !(answer.hasEnded && code == HTTP2Code.none) {
            return accepted.resets.contains(code) ? nil : "a stream error"
        }
        if let status = answer.status, accepted.statuses.contains(status) { return nil }
        if accepted.served, answer.status != nil { return isServed ? nil : "an error" }
        if accepted.silent, answer.status != nil { return "an answer" }
        if accepted.alive, isAnswered(client) { return nil }
        return "no error"
    }

    private func isAnswered(_ client: HTTP2Client) -> Bool { client.pongs.contains(Self.probes[1]) }

    private func hasFailed(_ client: HTTP2Client) -> Bool {
        client.goAways.contains { $0.code != HTTP2Code.none }
    }
}
