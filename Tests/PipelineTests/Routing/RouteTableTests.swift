import Bytes
import HTTPModel
import Pipeline
import Settings
import Telemetry
import Testing

/// A route of the table, by a name that the tests look for.
func entry(
    _ name: String, _ path: String, hosts: [HostPattern] = [], methods: [String] = [],
    fields: [FieldCondition] = []
) throws -> RouteTable.Entry {
    let plan = RoutePlan(
        name: name, slot: .unmatched, target: .upstreams([RoutePlan.Share(upstream: 0, upTo: 1)]),
        rateLimit: nil,
        bodyLimit: nil, stripPrefix: [], allowsWebSocket: false, responseTimeout: nil)
    return RouteTable.Entry(
        plan: plan, path: try PathPattern(parsing: path), hosts: hosts, methods: MethodSet(methods),
        fields: fields)
}

/// What the table finds: the route's name, or what is missing.
func find(_ table: RouteTable, _ request: String) throws -> String {
    try withState(request) { state in
        switch table.match(state.head, path: state.head.pathBytes) {
        case .found(let plan): plan.name.view.text()
        case .methodNotAllowed: "no method"
        case .notFound: "not found"
        case .ambiguousParameters: "ambiguous"
        case .unknownHost: "unknown host"
        }
    }
}

@Suite struct RouteTableTests {
    @Test(
        arguments: [
            ("/", "root"), ("/orders", "orders"), ("/orders/", "below"), ("/orders/7", "one"),
            ("/orders/new", "new"),
            ("/orders/7/items", "items"), ("/orders/7/items/8", "below"), ("/ordersx", "everything"),
            ("/other/deep/path", "everything"),
        ])
    func `the most specific path wins, wherever it stands in the file`(path: String, name: String) throws {
        let entries = [
            try entry("everything", "/*"), try entry("below", "/orders/*"), try entry("one", "/orders/{id}"),
            try entry("new", "/orders/new"), try entry("items", "/orders/{id}/items"),
            try entry("orders", "/orders"),
            try entry("root", "/"),
        ]
        let request = "GET \(path) HTTP/1.1\nHost: a.test"
        #expect(try find(RouteTable(entries), request) == name)
        #expect(try find(RouteTable(entries.reversed()), request) == name)
    }

    @Test(
        arguments: [
            ("a.test", "exact"), ("A.TEST:8080", "exact"), ("x.a.test", "sub"), ("y.x.a.test", "sub"),
            ("z.x.b.test", "deeper"), ("b.test", "any"), ("xa.test", "any"),
        ])
    func `an exact host comes before a pattern, a longer pattern before a shorter`(host: String, name: String)
        throws
    {
        let table = RouteTable([
            try entry("any", "/*"), try entry("sub", "/*", hosts: [.subdomains(of: "a.test")]),
            try entry("shorter", "/*", hosts: [.subdomains(of: "b.test")]),
            try entry("deeper", "/*", hosts: [.subdomains(of: "x.b.test")]),
            try entry("exact", "/*", hosts: [.exact("a.test")]),
        ])
        #expect(try find(table, "GET / HTTP/1.1\nHost: \(host)") == name)
    }

    @Test func `a host that no route speaks for is told from a path that is missing`() throws {
        let table = RouteTable([try entry("a", "/here", hosts: [.exact("a.test")])])
        #expect(try find(table, "GET /here HTTP/1.1\nHost: b.test") == "unknown host")
        #expect(try find(table, "GET /there HTTP/1.1\nHost: a.test") == "not found")
    }

    /// Servers that drop parameters would be asked past the rules of the route that is meant for their path.
    @Test(arguments: [
        ("/admin", "admin"), ("/admin;x", "ambiguous"), ("/admin%3Bx", "ambiguous"), ("/admin;", "ambiguous"),
        ("/admin/users;x", "below"), ("/admin;x/users", "ambiguous"), ("/shop;v=1/cart;v=2", "everything"),
        ("/users/7;x", "user"), ("/users;x/7", "ambiguous"), ("/post-only;x", "everything"),
        ("/matrix;a=1", "matrix"), ("/matrix;a=2", "ambiguous"), ("/matrix", "everything"),
        ("/other;a=1", "everything"), ("/shop/admin;x", "everything"),
    ])
    func `parameters of a path never lead to another route than the path without them`(
        path: String, name: String
    ) throws {
        let table = RouteTable([
            try entry("everything", "/*"), try entry("admin", "/admin"), try entry("below", "/admin/*"),
            try entry("user", "/users/{id}"), try entry("post", "/post-only", methods: ["POST"]),
            try entry("matrix", "/matrix;a=1"),
        ])
        #expect(try find(table, "GET \(path) HTTP/1.1\nHost: a") == name)
    }

    @Test func `where no other route is known, parameters change nothing`() throws {
        let table = RouteTable([try entry("matrix", "/matrix;a=1"), try entry("shop", "/shop/*")])
        #expect(try find(table, "GET /matrix;a=1 HTTP/1.1\nHost: a") == "matrix")
        #expect(try find(table, "GET /shop/a;b HTTP/1.1\nHost: a") == "shop")
        #expect(try find(table, "GET /shop;a/b HTTP/1.1\nHost: a") == "not found")
    }

    @Test(arguments: [
        ("GET", "read"), ("HEAD", "read"), ("POST", "write"), ("PURGE", "purge"), ("PUT", "no method"),
    ])
    func `methods choose among routes of one path`(method: String, name: String) throws {
        let table = RouteTable([
            try entry("read", "/x", methods: ["GET"]), try entry("write", "/x", methods: ["POST"]),
            try entry("purge", "/x", methods: ["PURGE"]),
        ])
        #expect(try find(table, "\(method) /x HTTP/1.1\nHost: a") == name)
    }

    @Test func `a field must be there with exactly its value`() throws {
        let beta = FieldCondition(name: "X-Version", value: "beta")
        let table = RouteTable([try entry("stable", "/x"), try entry("beta", "/x", fields: [beta])])
        #expect(try find(table, "GET /x HTTP/1.1\nHost: a\nx-version: beta") == "beta")
        #expect(try find(table, "GET /x HTTP/1.1\nHost: a\nx-version: alpha\nX-Version: beta") == "beta")
        #expect(try find(table, "GET /x HTTP/1.1\nHost: a\nx-version: Beta") == "stable")
        #expect(try find(table, "GET /x HTTP/1.1\nHost: a") == "stable")
    }
}
