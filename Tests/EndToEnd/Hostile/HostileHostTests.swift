import Testing

/// Host (security.md 10; RFC 9112 §3.2): exactly one, valid, in one form, and one that a route speaks for.
@Suite(
    .serialized, .timeLimit(.minutes(20)),
    HostileRoom(route: "hosts: [here, \"*.here\", 127.0.0.1, \"[::1]\"]"))
struct HostileHostTests {
    static let table: [HostileCase] = [invalid, unknown, counted, forms, absolute, badAbsolute].flatMap { $0 }

    @Test(arguments: table, Delivery.allCases)
    func `a request is for one host that is served here`(hostile: HostileCase, delivery: Delivery) throws {
        try hostile.check(delivery)
    }

    private static func text(_ host: String, target: String = "/MARK") -> String {
        "GET \(target) HTTP/1.1\r\nHost: \(host)\r\n\r\n"
    }

    private static let bad: [String] = [
        "", " ", "here,evil", "here, evil", "here;evil", "u@here", "here@evil", "u:p@here", "here/", "here/x",
        "/here",
        "http://here", "//here", "here:", "here:0", "here:65536", "here:99999", "here:+80", "here:-1",
        "here:80x", "here:x",
        "here:8 0", "here:000080", "here:80:80", ":80", "here :80", "here: 80", "he re", "here\tevil",
        "here%2eevil", "here%00",
        "%68ere", "here\\evil", "here\\", "here?x", "here#x", "here'", "here\"", "<here>", "here|evil",
        "(here)", "{here}", "*", "*.here",
        ".", ".here", "..here", "here..", "a..here", "[here]", "[::1", "::1", "[::1]x", "[::1]:", "[::1]:0",
        "[::1%eth0]",
        "[::1%25eth0]", "[:::1]", "[1:2:3:4:5:6:7]", "[1:2:3:4:5:6:7:8:9]", "[::g]", "[::127.0.0.256]", "[]",
        "[v1.a]", "here\u{A0}",
        "h\u{E9}re", "\u{C3}\u{A9}", "h\u{EF}\u{BC}\u{8E}re", String(repeating: "a", count: 260),
    ]
    private static let invalid: [HostileCase] = bad.map { .head("host '\($0)'", text($0), 400, "host") }

    private static let others: [String] = [
        "evil", "evil:80", "here.evil", "xhere", "herex", "127.0.0.2", "0177.0.0.1", "127.1", "2130706433",
        "0x7f000001", "[::2]",
        "[::ffff:127.0.0.1]", "localhost", "here-", "xn--here", "_here", "evil.", "127.0.0.1.evil",
    ]
    private static let unknown: [HostileCase] = others.map { .policy("host '\($0)'", text($0), 421) }

    private static let counted: [HostileCase] = [
        .head("no host", "GET /MARK HTTP/1.1\r\n\r\n", 400, "host"),
        .head("no host beside an absolute target", "GET http://here/MARK HTTP/1.1\r\n\r\n", 400, "host"),
        .head("another name", "GET /MARK HTTP/1.1\r\nX-Host: here\r\n\r\n", 400, "host"),
        .head("an alias", "GET /MARK HTTP/1.1\r\nHost_: here\r\n\r\n", 400, "host"),
        .lines("two hosts", "Host: evil", kind: "host"), .lines("the host twice", "Host: here", kind: "host"),
        .lines("two hosts in two spellings", "HOST: evil", kind: "host"),
        .lines("two hosts far apart", "X-A: b", "host: evil", kind: "host"),
        .lines("an empty one behind", "Host:", kind: "host"),
        .lines("two hosts, one of them listed", "Connection: Host", "Host: evil", kind: "host"),
        .lines("a second one with a blank", "Host : evil"), .lines("a second one, folded", " Host: evil"),
        HostileCase(
            "no host in HTTP/1.0", "GET /MARK HTTP/1.0\r\n\r\n",
            .refused(HostileCase.Refusal(status: 421, outcome: "gateway.policy"))),
        .forwarded(
            "a host that X-Forwarded-Host denies",
            hostile("GET /MARK", ["X-Forwarded-Host: evil", "X-Host: evil"]),
            Seen("GET /MARK", ["X-Host: evil"])),
    ]

    private static func served(_ host: String, as form: String) -> HostileCase {
        .forwarded("host '\(host)'", text(host), Seen("GET /MARK", host: form))
    }

    /// Routes, origins and the log see one form.
    private static let forms: [HostileCase] = [
        served("here", as: "here"), served("HERE", as: "here"), served("HeRe:8080", as: "here:8080"),
        served("here.", as: "here"),
        served("here.:80", as: "here:80"), served("HERE.:8080", as: "here:8080"),
        served("a.here", as: "a.here"),
        served("A.B.here:1", as: "a.b.here:1"), served("here:65535", as: "here:65535"),
        served("here:00080", as: "here:00080"),
        served("127.0.0.1", as: "127.0.0.1"), served("[::1]", as: "[::1]"),
        served("[::1]:80", as: "[::1]:80"),
        served(" here\t", as: "here"), served("x_y.here", as: "x_y.here"),
    ]

    private static func absolute(_ target: String, _ line: String, host: String, other: String = "here")
        -> HostileCase
    {
        .forwarded(
            "target '\(target)' beside '\(other)'", text(other, target: target), Seen(line, host: host))
    }

    /// An absolute target wins over Host (RFC 9112 §3.2.2).
    private static let absolute: [HostileCase] = [
        absolute("http://here/MARK", "GET /MARK", host: "here"),
        absolute("HTTP://HERE/MARK", "GET /MARK", host: "here"),
        absolute("https://here/MARK?a", "GET /MARK?a", host: "here"),
        absolute("http://here?MARK", "GET /?MARK", host: "here"),
        absolute("http://a.here:81/MARK", "GET /MARK", host: "a.here:81", other: "evil"),
        absolute("http://here/MARK", "GET /MARK", host: "here", other: "evil:80"),
        absolute("http://here./MARK", "GET /MARK", host: "here", other: "evil"),
        absolute("http://here.:81/MARK", "GET /MARK", host: "here:81", other: "evil"),
        absolute("http://[::1]:80//MARK/../MARK", "GET /MARK", host: "[::1]:80"),
        .policy("an absolute target elsewhere", text("here", target: "http://evil/MARK"), 421),
        .policy("one that begins alike", text("here", target: "http://here.evil/MARK"), 421),
        .policy("one with a bad path", text("here", target: "http://here/MARK/%2f"), 400, kind: "path"),
        .policy("one that climbs", text("here", target: "http://here/../MARK"), 400, kind: "path"),
        .head("a bad host beside it", text("he re", target: "http://here/MARK"), 400, "host"),
        .head("an empty host beside it", text("", target: "http://here/MARK"), 400, "host"),
    ]

    private static let targets: [String] = [
        "http://u@here/MARK", "http://u:p@here/MARK", "http://here@evil/MARK", "http://evil\\@here/MARK",
        "http:///MARK", "http://", "http:/here/MARK",
        "http:here/MARK", "http//here/MARK", "ftp://here/MARK", "file:///MARK", "ws://here/MARK",
        "javascript:MARK", "here:80", "here/MARK",
        "//here/MARK#a", "http://here:0/MARK", "http://here:65536/MARK", "http://here:/MARK",
        "http://here:80:80/MARK", "http://here:x/MARK",
        "http://he%72e/MARK", "http://here#/MARK", "http://here/MARK#a", "http://[::1/MARK",
        "http://::1/MARK", "http://here,evil/MARK",
        "http://here;evil/MARK", "http://h\u{E9}re/MARK", "http://http://here/MARK", "*/MARK",
        "http://here\\MARK",
    ]
    private static let badAbsolute: [HostileCase] = targets.map {
        .head("target '\($0)'", text("here", target: $0), 400, "malformed")
    }
}
