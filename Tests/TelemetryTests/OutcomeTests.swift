import Telemetry
import Testing
import Time

@Suite struct OutcomeTests {
    @Test func `every outcome has a code of its own and a line in the guide`() {
        let codes = Outcome.allCases.map { "\($0.code)" }
        #expect(Set(codes).count == Outcome.allCases.count)
        #expect(Outcome.guide.map(\.outcome) == Outcome.allCases)
        #expect(
            Outcome.guide.allSatisfy {
                $0.meaning.utf8CodeUnitCount > 0 && $0.cause.utf8CodeUnitCount > 0
                    && $0.look.utf8CodeUnitCount > 0
            })
        #expect(Set(Outcome.guide.map { "\($0.meaning)" }).count == Outcome.allCases.count)
    }

    @Test func `indexes are dense`() {
        #expect(Outcome.allCases.map(\.index) == Array(0..<Outcome.count))
    }

    @Test func `a code names who and in which phase, and making it of those gives it back`() {
        for outcome in Outcome.allCases where outcome != .ok {
            let parts = "\(outcome.code)".split(separator: ".").map(String.init)
            let origin = Outcome.Origin.allCases.first { "\($0)" == parts[0] }
            let phase = Outcome.Phase.allCases.first { "\($0)" == parts[1] }
            guard parts.count == 2, let origin, let phase else {
                Issue.record("\(outcome.code) is not who and phase")
                continue
            }
            #expect(Outcome(endedBy: origin, in: phase) == outcome)
        }
    }

    @Test func `any origin and phase have an outcome, blamed on that origin or all right`() {
        for origin in Outcome.Origin.allCases {
            for phase in Outcome.Phase.allCases {
                let outcome = Outcome(endedBy: origin, in: phase)
                #expect(outcome == .ok || "\(outcome.code)".hasPrefix("\(origin)."))
            }
        }
        #expect(Outcome(endedBy: .client, in: .done) == .ok)
        #expect(Outcome(endedBy: .gateway, in: .done) == .gatewayDone)
    }
}

@Suite struct TimingsTests {
    @Test func `a phase that was not reached has no duration`() {
        var timings = Timings()
        #expect(timings.head == nil && timings.total == nil && timings.response == nil)
        timings.headBegun = Instant(nanoseconds: 0)
        timings.headComplete = Instant(nanoseconds: 40)
        timings.responseEnd = Instant(nanoseconds: 100)
        #expect(timings.head == 40)
        #expect(timings.total == 100)
        #expect(timings.queue == nil && timings.connect == nil && timings.response == nil)
    }

    @Test func `phases are measured from one to the next`() {
        let timings = ordinaryRecord().timings
        #expect(timings.policy == 2000)
        #expect(timings.queue == 0)
        #expect(timings.connect == 1000)
        #expect(timings.response == 3_000_999)
    }

    @Test func `an answer that came before the request was sent counts from the connection`() {
        var timings = Timings()
        timings.connected = Instant(nanoseconds: 10)
        timings.responseHead = Instant(nanoseconds: 30)
        #expect(timings.response == 20)
        timings.requestSent = Instant(nanoseconds: 90)
        #expect(timings.response == 20)
    }

    @Test func `instants out of order give no negative duration`() {
        var timings = Timings()
        timings.headBegun = Instant(nanoseconds: 50)
        timings.headComplete = Instant(nanoseconds: 20)
        #expect(timings.head == 0)
    }
}
