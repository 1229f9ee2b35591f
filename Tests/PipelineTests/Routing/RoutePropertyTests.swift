import Bytes
import HTTPModel
import Pipeline
import Testing

@Suite struct RoutePropertyTests {
    private typealias Field = (name: String, value: String)

    @Test(arguments: 0..<300 as Range<UInt64>)
    func `the table finds what trying every route would find`(seed: UInt64) throws {
        var random = RandomSource(seed: seed)
        let routes = (0..<Int.random(in: 1...30, using: &random)).map { Self.route($0, &random) }
        let table = RouteTable(
            try routes.map { route in
                let fields = route.fields.map { FieldCondition(name: $0.name, value: $0.value) }
                return try entry(
                    route.name, route.path.text, hosts: route.hosts, methods: route.methods, fields: fields)
            })
        let reference = RouteReference(routes: routes)
        for _ in 0..<100 {
            let method = ["GET", "HEAD", "POST", "PURGE"].randomElement(using: &random)!
            let host = ["a.test", "x.a.test", "y.x.a.test", "b.test"].randomElement(using: &random)!
            let path = Self.path(
                ["a", "b", "c", "a;x", "m;v=1", "m;x", "m", "longer-segment-of-a-path"], &random)
            let fields = Self.fields(&random)
            let lines = fields.map { "\n\($0.name): \($0.value)" }.joined()
            let found = try find(table, "\(method) \(path) HTTP/1.1\nHost: \(host)\(lines)")
            let wanted = reference.find(method: method, host: host, path: path, fields: fields)
            #expect(found == wanted, "seed \(seed): \(method) \(host) \(path) \(fields)")
        }
    }

    @Test func `a thousand routes are each found, and none beside them`() throws {
        let names = (0..<1000).map { "segment\($0)" }
        let table = RouteTable(try names.map { try entry($0, "/api/\($0)/*") })
        for name in names { #expect(try find(table, "GET /api/\(name)/x HTTP/1.1\nHost: a") == name) }
        #expect(try find(table, "GET /api/segment1000/x HTTP/1.1\nHost: a") == "not found")
        #expect(try find(table, "GET /segment1 HTTP/1.1\nHost: a") == "not found")
    }

    private static func route(_ number: Int, _ random: inout RandomSource) -> RouteReference.Route {
        var text = path(["a", "b", "m;v=1", "{p}", "longer-segment-of-a-path"], &random)
        if Bool.random(using: &random) { text = text == "/" ? "/*" : text + "/*" }
        text = text.replacing("//", with: "/")
        var placeholders = 0
        text = text.split(separator: "{p}", omittingEmptySubsequences: false).reduce("") { sum, part in
            guard !sum.isEmpty || placeholders > 0 else { return String(part) }
            placeholders += 1
            return sum + "{p\(placeholders)}" + part
        }
        guard let pattern = try? PathPattern(parsing: text) else {
            preconditionFailure("no pattern: \(text)")
        }
        var route = RouteReference.Route(name: "r\(number)", path: pattern)
        let hosts: [HostPattern] = [.exact("a.test"), .subdomains(of: "a.test"), .subdomains(of: "x.a.test")]
        route.hosts = hosts.filter { _ in Int.random(in: 0..<5, using: &random) == 0 }
        route.methods = ["GET", "POST", "PURGE"].filter { _ in Int.random(in: 0..<4, using: &random) == 0 }
        route.fields = fields(&random)
        return route
    }

    /// Up to four segments; sometimes with a slash at the end.
    private static func path(_ alphabet: [String], _ random: inout RandomSource) -> String {
        let segments = (0..<Int.random(in: 0...4, using: &random)).map { _ in
            alphabet.randomElement(using: &random)!
        }
        let ends = !segments.isEmpty && Int.random(in: 0..<8, using: &random) == 0
        return "/" + segments.joined(separator: "/") + (ends ? "/" : "")
    }

    private static func fields(_ random: inout RandomSource) -> [Field] {
        [("x-one", "1"), ("x-two", "2")].filter { _ in Int.random(in: 0..<4, using: &random) == 0 }
    }
}
