import Bytes
import Settings
import TestIssuer
import Testing

@testable import Pipeline

/// What backends are told of who asks, and what clients may not tell them.
@Suite struct IdentityPlanTests {
    /// The fields that a token's claims become; nil where it is refused.
    private func lines(
        _ more: String, _ fields: [HeaderField] = [HeaderField("X-A", "a")], plan: String? = nil,
        defaultPlan: String? = nil, header: String = "X-User-Plan"
    ) throws -> String? {
        let gate = Gate(
            .ours {
                $0.fields = fields
                $0.plan = plan
            }
        ) {
            $0.defaultPlan = defaultPlan
            $0.planHeader = header
        }
        let answer = try gate.decide(bearer: IssuerSecret.ours.token(claims(more)))
        if answer.lines == nil { #expect(answer.status == 401) }
        return answer.lines
    }

    @Test(
        arguments: [
            (#""a":"text""#, "X-A: text\r\n"), (#""a":"two words""#, "X-A: two words\r\n"),
            (#""a":42"#, "X-A: 42\r\n"), (#""a":-1.50e3"#, "X-A: -1.50e3\r\n"),
            (#""a":true"#, "X-A: true\r\n"),
            (#""a":false"#, "X-A: false\r\n"), (#""a":["x","y z"]"#, "X-A: x,y z\r\n"),
            (#""a":"\u0061\/b""#, "X-A: a/b\r\n"), (#""a":"é→""#, "X-A: é→\r\n"),
            // What says nothing is left out.
            (#""a":null"#, ""), (#""a":{"b":1}"#, ""), (#""a":[]"#, ""), (#""a":"""#, ""), (#""b":1"#, ""),
            (#""a":[1,2]"#, ""), (#""a":["x",{}]"#, ""), (#""a":[["x"]]"#, ""),
            // A comma makes no two of one.
            (#""a":["user,admin","y"]"#, "X-A: user%2Cadmin,y\r\n"),
            (#""a":"user,admin""#, "X-A: user,admin\r\n"),
            // What would be another thing once it is a field: the token is refused.
            (#""a":"x\r\nX-Admin: 1""#, nil), (#""a":"x\ny""#, nil), (#""a":"x\ry""#, nil),
            (#""a":"x\u0000y""#, nil), (#""a":"x\u007Fy""#, nil), (#""a":["x","y\r\nz"]"#, nil),
            (#""a":" x""#, nil), (#""a":"x ""#, nil), (#""a":"\tx""#, nil), (#""a":[" x"]"#, nil),
        ] as [(String, String?)])
    func `a claim becomes a field, or the token is refused`(more: String, expected: String?) throws {
        #expect(try lines(more) == expected)
    }

    @Test func `claims are found by their ways`() throws {
        let fields = [
            HeaderField("X-Mail", "user.mail"), HeaderField("X-Role", #""https://h.io/claims".role"#),
            HeaderField("X-None", "user.none"), HeaderField("X-Id", "sub"),
        ]
        let more = #""sub":"u1","user":{"mail":"a@b.c"},"https://h.io/claims":{"role":"r"}"#
        #expect(try lines(more, fields) == "X-Mail: a@b.c\r\nX-Role: r\r\nX-Id: u1\r\n")
    }

    @Test(arguments: [(7_000, true), (9_000, false), (5_000, true)])
    func `an identity of more than 8 KiB is none`(count: Int, fits: Bool) throws {
        let text = String(repeating: "a", count: count)
        #expect(try lines(#""a":"\#(text)""#) == (fits ? "X-A: \(text)\r\n" : nil))
        // In two fields, and as a list.
        let half = String(repeating: "a", count: count / 2)
        let fields = [HeaderField("X-A", "a"), HeaderField("X-B", "a")]
        #expect((try lines(#""a":["\#(half)"]"#, fields) != nil) == fits)
    }

    @Test(
        arguments: [
            (#""p":"pro""#, "free", "X-User-Plan: pro\r\n"), (#""p":"pro""#, nil, "X-User-Plan: pro\r\n"),
            (#""x":1"#, "free", "X-User-Plan: free\r\n"), (#""x":1"#, nil, ""),
            (#""p":"""#, "free", "X-User-Plan: free\r\n"), (#""p":7"#, "free", "X-User-Plan: free\r\n"),
            (#""p":["pro"]"#, "free", "X-User-Plan: free\r\n"),
            (#""p":"pro\r\nX-Admin: 1""#, "free", nil), (#""p":" pro""#, "free", nil),
        ] as [(String, String?, String?)])
    func `the plan is a claim's, else the default`(more: String, fallback: String?, expected: String?) throws
    {
        #expect(try lines(more, [], plan: "p", defaultPlan: fallback) == expected)
    }

    @Test func `the plan has a field of the operator's choice, and limits know it`() throws {
        #expect(try lines(#""p":"pro""#, [], plan: "p", header: "X-Tier") == "X-Tier: pro\r\n")
        let gate = Gate(.ours { $0.plan = "p" })
        let answer = try gate.decide(bearer: IssuerSecret.ours.token(claims(#""p":"pro""#)))
        #expect(answer.identity?.plan?.view.text() == "pro")
    }

    @Test func `what a subject is not, is empty`() throws {
        let gate = Gate(.ours())
        let answer = try gate.decide(bearer: IssuerSecret.ours.token(claims(#""x":1"#)))
        #expect(answer.user == "")
        #expect(answer.lines == "")
    }

    // MARK: What clients may not send

    @Test func `the names of all sources are stripped, in any case`() {
        let plan = Gate.plan([
            .ours("a") { $0.fields = [HeaderField("X-User-Id", "sub"), HeaderField("X-Mail", "mail")] },
            .ours("b") { $0.fields = [HeaderField("x-user-id", "sub"), HeaderField("X-Org", "org")] },
        ]) { $0.planHeader = "X-Tier" }
        for (name, isStripped) in [
            ("x-user-id", true), ("X-USER-ID", true), ("X-User-Id", true), ("X-Mail", true), ("x-org", true),
            ("X-Tier", true), ("X-User-Plan", false), ("X-User-I", false), ("X-User-Idd", false),
            ("X-Orf", false),
            ("", false), ("Y-Org", false), (String(repeating: "x", count: 200), false),
        ] {
            #expect(Array(name.utf8).withView { plan.stripped.contains($0) } == isStripped, "\(name)")
        }
        #expect(plan.stripped.names.count == 4)
    }

    @Test func `long names are told apart although they share a bit`() {
        let long = "x-" + String(repeating: "a", count: 80)
        let stripped = StrippedFields([long])
        #expect(Array(long.utf8).withView { stripped.contains($0) })
        #expect(!Array((long + "b").utf8).withView { stripped.contains($0) })
        #expect(!Array(String(long.dropLast()).utf8).withView { stripped.contains($0) })
    }

    @Test func `without a source of tokens nothing is stripped`() {
        #expect(IdentityPlan(IdentitySettings()).stripped.names.isEmpty)
    }
}
