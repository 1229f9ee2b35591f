import Bytes
import HTTP1
import HTTPModel
import Pipeline
import Settings
import Testing

@Suite struct CORSPolicyTests {
    private func policy(_ origins: String..., credentials: Bool = true) throws -> CORSPolicy {
        var settings = CORSSettings()
        settings.origins = try origins.map { try OriginPattern(parsing: $0) }
        settings.credentials = credentials
        return CORSPolicy(settings, origins: OriginSet(settings.origins), methods: [])
    }

    /// What a backend's answer has of these fields once the policy was at it.
    private func answer(_ policy: CORSPolicy, origin: String?, _ fields: String...) throws -> [String] {
        let request = "GET / HTTP/1.1\nHost: a" + (origin.map { "\nOrigin: \($0)" } ?? "")
        let text = "HTTP/1.1 200 OK\r\n" + fields.map { $0 + "\r\n" }.joined() + "\r\n"
        return try withState(request) { state in
            try Array(text.utf8).withView { bytes in
                var head = ResponseHead()
                var parser = ResponseParser(limits: HeadLimits())
                _ = try parser.parse(bytes, answering: .get, into: &head)
                let vary = policy.vary(of: head)
                var lines: [String] = []
                for index in 0..<head.fields.count where !policy.drops(head, index, vary) {
                    lines.append("\(head.name(at: index).text()): \(head.value(at: index).text())")
                }
                let region = Scratch(size: 8192)
                var writer = ByteWriter(region.view)
                policy.write(for: head, vary, to: state, writer: &writer)
                return lines + writer.view.text().split(separator: "\r\n").map(String.init)
            }
        }
    }

    private static let granted = [
        "Access-Control-Allow-Origin: https://app.example.com", "Access-Control-Allow-Credentials: true",
        "Access-Control-Expose-Headers: Retry-After, X-Request-Id",
    ]

    @Test func `the backend's own words are replaced, whatever their case`() throws {
        let policy = try policy("https://app.example.com")
        let answer = try answer(
            policy, origin: "https://app.example.com", "Access-Control-Allow-Origin: *", "X-A: b",
            "ACCESS-CONTROL-ALLOW-CREDENTIALS: true", "access-control-something-new: 1",
            "Access-Controls: kept")
        #expect(answer == ["X-A: b", "Access-Controls: kept"] + Self.granted + ["Vary: Origin"])
    }

    @Test func `who may not read is told nothing, and neither is who does not say who asks`() throws {
        let policy = try policy("https://app.example.com")
        for origin in ["https://evil.example.com", "null", "", nil] {
            #expect(
                try answer(policy, origin: origin, "Access-Control-Allow-Origin: *") == ["Vary: Origin"])
        }
    }

    @Test(arguments: [
        (["Vary: Accept"], ["Vary: Accept, Origin"]),
        (["Vary: Accept, Cookie"], ["Vary: Accept, Cookie, Origin"]),
        (["Vary: Accept", "vary: Cookie"], ["Vary: Accept, Cookie, Origin"]), (["Vary: *"], ["Vary: *"]),
        (["Vary: origin"], ["Vary: origin"]),
        (["Vary: Accept,ORIGIN ,Cookie"], ["Vary: Accept,ORIGIN ,Cookie"]),
        (["Vary: Accept", "Vary: Origin"], ["Vary: Accept", "Vary: Origin"]), (["Vary:"], ["Vary: Origin"]),
        (["Vary: X-Origin"], ["Vary: X-Origin, Origin"]), ([], ["Vary: Origin"]),
    ])
    func `Vary names Origin once, beside what the backend says`(own: [String], said: [String]) throws {
        let policy = try policy("https://app.example.com")
        let fields = own + ["X-A: b", "", ""]
        let answer = try answer(
            policy, origin: nil, fields[0], fields[1], fields.count > 4 ? fields[2] : "X-A: b")
        #expect(answer.filter { $0.lowercased().hasPrefix("vary:") } == said)
    }

    @Test func `for everybody nothing varies`() throws {
        let policy = try policy("*", credentials: false)
        let all = [
            "Access-Control-Allow-Origin: *", "Access-Control-Expose-Headers: Retry-After, X-Request-Id",
        ]
        #expect(try answer(policy, origin: "https://x.example") == all)
        #expect(try answer(policy, origin: nil, "Vary: Accept") == ["Vary: Accept"] + all)
        #expect(try answer(policy, origin: "null") == all)
    }

    @Test func `null has credentials where settings say so, and only there`() throws {
        var settings = CORSSettings()
        settings.origins = [.null]
        settings.credentials = true
        func said(_ settings: CORSSettings) throws -> [String] {
            let policy = CORSPolicy(settings, origins: OriginSet(settings.origins), methods: [])
            return try answer(policy, origin: "null").filter { !$0.contains("Expose") }
        }
        #expect(try said(settings) == ["Access-Control-Allow-Origin: null", "Vary: Origin"])
        settings.nullCredentials = true
        #expect(
            try said(settings) == [
                "Access-Control-Allow-Origin: null", "Access-Control-Allow-Credentials: true", "Vary: Origin",
            ])
    }

    @Test func `an operator's own Vary is completed when settings are read`() throws {
        let policy = try policy("https://app.example.com")
        let fields = [HeaderField("Vary", "Accept"), HeaderField("X-A", "b")]
        #expect(policy.merged(fields) == [HeaderField("Vary", "Accept, Origin"), HeaderField("X-A", "b")])
        #expect(policy.merged([HeaderField("vary", "ORIGIN")]) == [HeaderField("vary", "ORIGIN")])
    }
}
