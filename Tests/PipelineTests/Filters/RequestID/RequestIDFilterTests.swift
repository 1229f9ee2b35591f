import Bytes
import Pipeline
import Testing
import Time

@Suite struct RequestIDFilterTests {
    private func decide(_ fields: String, isTrusted: Bool) throws -> (id: String, trace: String?) {
        try withState("GET / HTTP/1.1\nHost: a" + fields) { state in
            state.peerIsTrusted = isTrusted
            var random = RandomSource(seed: 7)
            _ = RequestIDFilter().decide(
                &state, time: WallTime(nanoseconds: 1_767_225_600_000_000_000), random: &random)
            let id = ByteWriter.text(capacity: 300) { $0.write(state.requestID, of: state.head) }
            if case .taken(let field) = state.trace { return (id, state.head.value(at: field).text()) }
            return (id, nil)
        }
    }

    @Test func `an id that is made is a UUID of version 7 with the time in front`() throws {
        let id = try decide("", isTrusted: true).id
        let parts = id.split(separator: "-")
        #expect(parts.map(\.count) == [8, 4, 4, 4, 12])
        #expect(UInt64(parts[0] + parts[1], radix: 16) == 1_767_225_600_000)
        #expect(parts[2].first == "7")
        #expect("89ab".contains(parts[3].first ?? "-"))
    }

    @Test(
        arguments: [
            ("abc-123", true, true), ("abc-123", false, false), ("a b", true, false), ("", true, false),
            ("x\"y", true, false), (String(repeating: "a", count: 128), true, true),
            (String(repeating: "a", count: 129), true, false),
        ])
    func `only a trusted peer's sane id is taken over`(id: String, isTrusted: Bool, isTaken: Bool) throws {
        let decided = try decide("\nX-Request-Id: \(id)", isTrusted: isTrusted).id
        #expect((decided == id) == isTaken)
        #expect(!decided.isEmpty)
    }

    private static let valid = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

    @Test(
        arguments: [
            (valid, true), (valid + "-x", false), ("01" + valid.dropFirst(2) + "-x", true),
            ("ff" + valid.dropFirst(2), false), (valid.uppercased(), false),
            ("00-00000000000000000000000000000000-b7ad6b7169203331-01", false),
            ("00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01", false), ("00-0af7", false),
        ] as [(String, Bool)])
    func `a valid traceparent is passed on, and any other begun anew`(value: String, isTaken: Bool) throws {
        #expect(try decide("\ntraceparent: \(value)", isTrusted: false).trace == (isTaken ? value : nil))
    }

    @Test func `two traceparents are as good as none`() throws {
        let fields = "\ntraceparent: \(Self.valid)\ntraceparent: \(Self.valid)"
        #expect(try decide(fields, isTrusted: false).trace == nil)
    }
}
