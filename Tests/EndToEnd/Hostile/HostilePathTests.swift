import Testing

/// Paths (security.md 9): one normal form for match, rules and origin alike, and none that two servers read
/// in two ways. `/admin` is closed, `/strip` is taken off before the origin is asked.
@Suite(
    .serialized, .timeLimit(.minutes(20)),
    HostileRoom(
        routes: """
            [{ path: /admin/*, respond: { status: 403, text: closed } }, { path: /*, upstream: app },
            { path: /strip/*, upstream: app, strip_prefix: /strip }]
            """))
struct HostilePathTests {
    static let table: [HostileCase] = [escapes, encodings, segments, parameters, normal, stripped, kept]
        .flatMap { $0 }

    @Test(arguments: table, Delivery.allCases)
    func `a path means one thing or is refused`(hostile: HostileCase, delivery: Delivery) throws {
        try hostile.check(delivery)
    }

    private static func bad(_ path: String) -> HostileCase {
        .policy(path, hostile("GET \(path)"), 400, kind: "path")
    }

    /// The answer that settings wrote for this route.
    private static func closed(_ name: String, _ line: String) -> HostileCase {
        let refusal = HostileCase.Refusal(
            status: 403, outcome: "gateway.done", persists: true, isProblem: false)
        return HostileCase(name, hostile(line), .refused(refusal))
    }

    /// Every control character, and what separates or ends a path elsewhere, escaped in both spellings.
    private static let escaped: [UInt8] = Array(0x00...0x1F) + [0x2F, 0x5C, 0x7F]
    private static let escapes: [HostileCase] = escaped.flatMap { byte -> [HostileCase] in
        let digits = String(byte, radix: 16)
        let escape = "%" + (byte < 16 ? "0" : "") + digits
        return escape == escape.uppercased()
            ? [bad("/MARK/a\(escape)b")] : [bad("/MARK/a\(escape)b"), bad("/MARK/a\(escape.uppercased())b")]
    }

    /// Escapes that are no UTF-8, or none at all.
    private static let notUTF8: [String] = [
        "%c0%af", "%c0%ae%c0%ae", "%c1%9c", "%e0%80%af", "%e0%80%ae", "%f0%80%80%af", "%f8%80%80%80%af",
        "%80", "%bf",
        "%c3", "%c3a", "%c3%28", "%e2%82", "%f0%9f%98", "%ed%a0%80", "%f4%90%80%80", "%f5%80%80%80", "%fe",
        "%ff",
        "%c2%80", "%c2%9f", "%", "%2", "%g0", "%0g", "%%41", "%u002f", "%u2215", "%x2f", "%-1", "%+2", "% 2",
        "\\", "\\..\\", "a\\b",
    ]
    private static let encodings: [HostileCase] = notUTF8.map { text in
        // A blank in the target is the request line's fault, not the path's.
        text == "% 2" ? .head("blank", hostile("GET /MARK/% 2"), 400, "version") : bad("/MARK/\(text)")
    }

    private static let climbs: [String] = [
        "/..", "/../MARK", "/../../MARK", "/MARK/../..", "/MARK/../../a", "/./../MARK", "//../MARK",
        "/%2e%2e/MARK",
        "/%2E%2E/MARK", "/.%2e/MARK", "/%2e./MARK", "/MARK/%2e%2e/%2e%2e/a", "/MARK/a/../../../b",
        "/..//MARK", "/%2e%2e%2fMARK",
        "/..%2fMARK", "/..%5cMARK", "/MARK/..%00/a", "/strip/../../MARK", "/strip/%2e%2e/%2e%2e/MARK",
    ]
    private static let segments: [HostileCase] = climbs.map { bad($0) }

    /// Servers that drop parameters would look for another path (Tomcat, Jetty, Spring).
    private static let hidden: [String] = [
        "/MARK/..;/a", "/MARK/..;x=y/a", "/MARK/.;/a", "/MARK/%2e%2e;/a", "/MARK/.%2e;a/b", "/..;/MARK",
        "/MARK/..;",
        "/MARK/..%3b/a", "/MARK/..%3B/a", "/MARK/.%3b", "/;/MARK", "/;x/MARK", "/MARK/;/a", "/MARK/;x=y",
        "/MARK/;/../a", "/MARK;/;/a",
        "/%3b/MARK", "/MARK/%3Bx", "//;/MARK", "/admin;/MARK", "/admin;x=y/MARK", "/admin%3bx/MARK",
        "/admin;x/MARK;y", "/admin;MARK",
        "/strip;x/MARK", "/strip%3Bx/MARK", "/MARK/../admin;x", "/admin;a/../admin;b/MARK",
        "/strip/..;/admin/MARK",
    ]
    private static let parameters: [HostileCase] =
        hidden.map { bad($0) } + [
            closed("the closed path", "GET /admin/MARK"),
            closed("its parameters", "GET /admin/MARK;x"),
            closed("by a detour", "GET /MARK/../admin/a"),
            closed("by an encoded detour", "GET /MARK/%2e%2e/admin/a"),
            closed("by two slashes", "GET //admin//MARK"),
            closed("by an escape", "GET /%61dmin/MARK"),
            closed("by a dot", "GET /./admin/./MARK"),
            closed("by what is stripped", "GET /strip/../admin/MARK"),
        ]

    /// The one form that everybody sees.
    private static let forms: [(String, String)] = [
        ("/MARK", "/MARK"), ("//MARK", "/MARK"), ("///MARK//a///", "/MARK/a/"), ("/./MARK", "/MARK"),
        ("/MARK/.", "/MARK/"),
        ("/MARK/./a", "/MARK/a"), ("/MARK/a/..", "/MARK/"), ("/MARK/a/../b", "/MARK/b"),
        ("/a/../MARK", "/MARK"),
        ("/a/b/../../MARK", "/MARK"), ("/a/%2e%2e/MARK", "/MARK"), ("/MARK/%2e/a", "/MARK/a"),
        ("/MARK/%41%7a%2D", "/MARK/Az-"),
        ("/MARK%2f", ""), ("/MARK/%3a%c3%a4", "/MARK/%3A%C3%A4"), ("/MARK/a|b\"c", "/MARK/a%7Cb%22c"),
        ("/MARK/[a]", "/MARK/%5Ba%5D"),
        ("/MARK/%F0%9F%98%80", "/MARK/%F0%9F%98%80"), ("/MARK/a//../b", "/MARK/b"),
    ]
    private static let normal: [HostileCase] = forms.map { path, form in
        form.isEmpty ? bad(path) : .forwarded(path, hostile("GET \(path)"), Seen("GET \(form)"))
    }

    private static func strip(_ path: String, _ rest: String, prefix: Bool = true) -> HostileCase {
        let way = Seen.way() + (prefix ? ["X-Forwarded-Prefix: /strip"] : [])
        return .forwarded(path, hostile("GET \(path)"), Seen("GET \(rest)", way: way))
    }

    /// What is left behind a prefix is a normal path again.
    private static let stripped: [HostileCase] = [
        strip("/strip/MARK", "/MARK"), strip("/strip//MARK", "/MARK"), strip("/strip/./MARK", "/MARK"),
        strip("/strip?MARK", "/?MARK"), strip("/strip/?MARK", "/?MARK"), strip("/%73trip/MARK", "/MARK"),
        strip("/strip/a/../MARK", "/MARK"), strip("/strip/strip/MARK", "/strip/MARK"),
        strip("/strip/MARK;v=1", "/MARK;v=1"),
        strip("/stripped/MARK", "/stripped/MARK", prefix: false),
        strip("/strip/../MARK", "/MARK", prefix: false),
        strip("/a/../strip/MARK", "/MARK"), strip("/strip/admin/MARK", "/admin/MARK"),
    ]

    /// What is unusual and means one thing to all goes on exactly as it came.
    private static let plain: [String] = [
        "/MARK;v=1/b;c", "/MARK/a;", "/MARK/a..;b", "/MARK/a%3Bb", "/MARK/...", "/MARK/..a", "/MARK/a..",
        "/MARK/.a", "/MARK/%20",
        "/MARK/%252e%252e/a", "/MARK/%252f", "/MARK/%25", "/MARK/%3F%23", "/MARK/!$&'()*+,=:@~-._",
        "/MARK?../../a", "/MARK?a=%2f..%00\\",
        "/MARK?;/..", "/MARK?", "/MARK?/admin", "/MARK/a.jpg", "/MARK/a%0", "/MARK/CON", "/MARK/a:b",
        "/MARK/admin",
    ]
    private static let kept: [HostileCase] = plain.map {
        $0 == "/MARK/a%0" ? bad($0) : .forwarded($0, hostile("GET \($0)"), Seen("GET \($0)"))
    }
}
