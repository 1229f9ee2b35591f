import Bytes
import HTTPModel
import Pipeline
import Testing

@Suite struct PreflightFilterTests {
    private func policy(_ change: (inout CORSSettings) -> Void = { _ in }) throws -> CORSPolicy {
        var settings = CORSSettings()
        settings.origins = [try OriginPattern(parsing: "https://app.example.com")]
        change(&settings)
        return CORSPolicy(settings, origins: OriginSet(settings.origins), methods: [])
    }

    private static let preflight = """
        OPTIONS /orders HTTP/1.1
        Host: a
        Origin: https://app.example.com
        Access-Control-Request-Method: PUT
        """

    @Test(
        arguments: [
            (PreflightFilterTests.preflight, 204),
            (PreflightFilterTests.preflight.replacing("app.", "evil."), 403),
            (PreflightFilterTests.preflight.replacing("OPTIONS", "GET"), nil),
            (PreflightFilterTests.preflight.replacing("Origin:", "X-Origin:"), nil),
            (PreflightFilterTests.preflight.replacing("Request-Method:", "Request-Methods:"), nil),
            (PreflightFilterTests.preflight.replacing("Access-Control", "access-CONTROL"), 204),
            ("OPTIONS /orders HTTP/1.1\nHost: a", nil),
        ] as [(String, Int?)])
    func `a preflight is answered, any other OPTIONS goes on`(request: String, status: Int?) throws {
        let policy = try policy()
        #expect(try withState(request) { PreflightFilter.decide($0, policy).status } == status)
        #expect(try withState(request) { PreflightFilter.decide($0, nil).status } == nil)
    }

    /// The lines that an answer to a preflight has.
    private func lines(_ policy: CORSPolicy, _ request: String) throws -> [String] {
        try withState(request) { state in
            guard case .respond(let response) = PreflightFilter.decide(state, policy) else { return [] }
            var writer = [String]()
            let region = Scratch(size: 8192)
            var bytes = ByteWriter(region.view)
            policy.write(for: response, to: state, writer: &bytes)
            writer = bytes.view.text().split(separator: "\r\n").map(String.init)
            return writer
        }
    }

    @Test func `what is asked for is named, within bounds and as names alone`() throws {
        let policy = try policy()
        func allowed(_ asked: String) throws -> String? {
            let request = Self.preflight + "\nAccess-Control-Request-Headers: \(asked)"
            let line = try lines(policy, request).first { $0.hasPrefix("Access-Control-Allow-Headers: ") }
            return line.map { String($0.dropFirst(30)) }
        }
        #expect(try allowed("authorization, content-type") == "authorization, content-type")
        #expect(try allowed("x-a,x-b") == "x-a,x-b")
        for hostile in ["", "x-a; q", "x-a\u{7C}<script>", "\"a\"", "a=b", "a:b", "ä"] {
            #expect(try allowed(hostile) == nil, "\(hostile)")
        }
        let longest = String(repeating: "a", count: 2048)
        #expect(try allowed(longest) == longest)
        #expect(try allowed(longest + "a") == nil)
    }

    @Test func `lists that settings name are said whatever is asked for`() throws {
        let policy = try policy { settings in
            settings.headers = .listed(["X-One", "X-Two"])
            settings.methods = ["GET", "PATCH"]
            settings.maxAge = .seconds(60)
        }
        let request = Self.preflight + "\nAccess-Control-Request-Headers: x-three"
        #expect(
            try lines(policy, request) == [
                "Access-Control-Allow-Origin: https://app.example.com",
                "Access-Control-Allow-Methods: GET, PATCH", "Access-Control-Allow-Headers: X-One, X-Two",
                "Access-Control-Max-Age: 60",
                "Vary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers",
            ])
    }

    @Test func `a foreign origin is told nothing but what a cache must know`() throws {
        let request = Self.preflight.replacing("app.", "evil.")
        #expect(
            try lines(try policy(), request) == [
                "Vary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers"
            ])
    }

    @Test(arguments: [
        ([], "GET, HEAD, POST, PUT, PATCH, DELETE"), (["POST"], "POST"), (["GET", "PUT"], "GET, HEAD, PUT"),
    ])
    func `a page may use what the route takes`(methods: [String], said: String) {
        #expect(CORSPolicy.methods(CORSSettings(), route: methods).joined(separator: ", ") == said)
    }
}

extension String {
    fileprivate func replacing(_ old: String, _ new: String) -> String { replacing(old, with: new) }
}
