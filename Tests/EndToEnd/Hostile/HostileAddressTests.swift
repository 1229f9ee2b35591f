import Testing

/// What a stranger claims about where a request came from (security.md 8): nothing of it goes on.
@Suite(.serialized, .timeLimit(.minutes(20)), HostileRoom()) struct HostileStrangerTests {
    static let table: [HostileCase] = [claims, traces].flatMap { $0 }

    @Test(arguments: table, Delivery.allCases)
    func `a stranger's claims are dropped`(hostile: HostileCase, delivery: Delivery) throws {
        try hostile.check(delivery)
    }

    private static let names: [String] = [
        "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Port", "X-Forwarded-Prefix",
        "Forwarded", "X-Real-IP", "X-Request-Id", "X-Original-Host", "X-Forwarded-Server", "X-Client-IP",
        "X-Cluster-Client-IP", "True-Client-IP", "X-Forwarded-Ssl", "X-Forwarded-Scheme", "X-Url-Scheme",
    ]
    private static let values: [String] = ["127.0.0.1", "6.6.6.6, 127.0.0.1", ""]
    private static let claims: [HostileCase] = names.flatMap { name -> [HostileCase] in
        values.map { .fields("\(name): \($0)", ["\(name): \($0)"]) }
            + [
                .fields("\(name) in capitals", ["\(name.uppercased()): https"]),
                .fields("\(name) twice", ["\(name): a", "X-A: b", "\(name): c"], kept: ["X-A: b"]),
            ]
    }

    /// A trace is no claim: it goes on where it is one, with its state, and begins anew where it is not.
    private static let parent = "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    private static let traces: [HostileCase] = [
        .forwarded(
            "a trace", hostile("GET /MARK", [parent, "tracestate: a=1"]), kept([parent, "tracestate: a=1"])),
        .fields("two traces", [parent, parent, "tracestate: a=1"]),
        .fields("a state alone", ["tracestate: a=1"]),
        .fields("no trace", ["traceparent: nonsense", "tracestate: a=1"]),
        .fields("a trace of zeros", ["traceparent: 00-00000000000000000000000000000000-b7ad6b7169203331-01"]),
        .fields(
            "a trace in capitals", ["traceparent: 00-0AF7651916CD43DD8448EB211C80319C-B7AD6B7169203331-01"]),
    ]

    private static func kept(_ lines: [String]) -> Seen {
        var seen = Seen("GET /MARK", lines)
        seen.trace = nil
        return seen
    }
}

/// What a trusted proxy says (security.md 8): the client is the rightmost address that is no trusted proxy's.
@Suite(
    .serialized, .timeLimit(.minutes(20)),
    HostileRoom(top: "trusted_proxies: [127.0.0.1, 10.0.0.0/8, \"2001:db8:f::/48\"]"))
struct HostileProxyTests {
    static let table: [HostileCase] = [clients, lines, words, identities].flatMap { $0 }

    @Test(arguments: table, Delivery.allCases)
    func `a trusted proxy is believed as far as what it says is sane`(
        hostile: HostileCase, delivery: Delivery
    )
        throws
    {
        try hostile.check(delivery)
    }

    private static func list(_ list: String, _ client: String) -> HostileCase {
        let said = list.isEmpty ? "127.0.0.1" : "\(list), 127.0.0.1"
        return .forwarded(
            "list '\(list)'", hostile("GET /MARK", ["X-Forwarded-For: \(list)"]),
            Seen("GET /MARK", way: Seen.way(list: said, client: client)))
    }

    private static let clients: [HostileCase] = [
        list("203.0.113.9", "203.0.113.9"), list("1.1.1.1, 203.0.113.9", "203.0.113.9"),
        list("6.6.6.6, 203.0.113.9, 10.1.2.3, 10.9.9.9", "203.0.113.9"), list("10.1.1.1", "10.1.1.1"),
        list("10.2.2.2, 10.1.1.1", "10.2.2.2"), list("127.0.0.1", "127.0.0.1"),
        list("203.0.113.9,10.1.1.1", "203.0.113.9"),
        list("203.0.113.9\t,\t10.1.1.1", "203.0.113.9"), list("203.0.113.9:4711", "203.0.113.9"),
        list("203.0.113.9, 10.1.1.1:80", "203.0.113.9"), list("2001:db8::7", "2001:db8::7"),
        list("[2001:db8::7]", "2001:db8::7"), list("[2001:db8::7]:4711", "2001:db8::7"),
        list("2001:DB8:0:0:0:0:0:7", "2001:db8::7"), list("2001:db8::7, 2001:db8:f::1", "2001:db8::7"),
        list("::ffff:203.0.113.9", "203.0.113.9"), list("203.0.113.9, ::ffff:10.1.1.1", "203.0.113.9"),
        // What is no address ends the walk: nobody knows who wrote what stands before it.
        list("", "127.0.0.1"), list("nonsense", "127.0.0.1"), list("6.6.6.6, nonsense, 10.1.1.1", "10.1.1.1"),
        list("6.6.6.6,", "127.0.0.1"), list("6.6.6.6,,10.1.1.1", "10.1.1.1"), list(",", "127.0.0.1"),
        list("unknown", "127.0.0.1"), list("_hidden", "127.0.0.1"), list("localhost", "127.0.0.1"),
        list("203.0.113.256", "127.0.0.1"), list("203.0.113", "127.0.0.1"),
        list("203.0.113.9.9", "127.0.0.1"),
        list("0203.0.113.9", "127.0.0.1"), list("010.1.1.1", "127.0.0.1"), list("0x7f.0.0.1", "127.0.0.1"),
        list("2130706433", "127.0.0.1"), list("127.1", "127.0.0.1"), list("6.6.6.6 10.1.1.1", "127.0.0.1"),
        list("6.6.6.6/32", "127.0.0.1"), list("\"6.6.6.6\"", "127.0.0.1"), list("for=6.6.6.6", "127.0.0.1"),
        list("fe80::1%eth0", "127.0.0.1"), list("[6.6.6.6", "127.0.0.1"), list("::g", "127.0.0.1"),
        list("\u{FF}6.6.6.6", "127.0.0.1"), list("6.6.6.6\u{A0}", "127.0.0.1"),
    ]

    private static func said(_ name: String, _ lines: [String], _ way: [String]) -> HostileCase {
        .forwarded(name, hostile("GET /MARK", lines), Seen("GET /MARK", way: way))
    }

    private static let lines: [HostileCase] = [
        said(
            "several lines",
            ["X-Forwarded-For: 6.6.6.6", "x-forwarded-for: 203.0.113.9", "X-Forwarded-For: 10.1.1.1"],
            Seen.way(list: "6.6.6.6, 203.0.113.9, 10.1.1.1, 127.0.0.1", client: "203.0.113.9")),
        said(
            "an empty line", ["X-Forwarded-For: 203.0.113.9", "X-Forwarded-For:"],
            Seen.way(list: "203.0.113.9, 127.0.0.1", client: "127.0.0.1")),
        said(
            "other names", ["X-Real-IP: 6.6.6.6", "Forwarded: for=6.6.6.6", "X-Client-IP: 6.6.6.6"],
            Seen.way()),
        said("an alias", ["X_Forwarded_For: 6.6.6.6"], Seen.way()),
        said(
            "Connection", ["Connection: X-Forwarded-For", "X-Forwarded-For: 203.0.113.9"],
            Seen.way(list: "203.0.113.9, 127.0.0.1", client: "203.0.113.9")),
    ]

    private static let words: [HostileCase] = [
        said("https", ["X-Forwarded-Proto: https"], Seen.way(proto: "https")),
        said("a scheme of its own", ["X-Forwarded-Proto: gopher"], Seen.way()),
        said("two schemes", ["X-Forwarded-Proto: https,http"], Seen.way()),
        said("no scheme", ["X-Forwarded-Proto:"], Seen.way()),
        said("a host", ["X-Forwarded-Host: www.example"], Seen.way(host: "www.example")),
        said("a host and port", ["X-Forwarded-Host: www.example:81"], Seen.way(host: "www.example:81")),
        said("no host", ["X-Forwarded-Host: a b"], Seen.way()),
        said("an empty host", ["X-Forwarded-Host:"], Seen.way()),
        said("a host with a user", ["X-Forwarded-Host: u@evil"], Seen.way()),
        said("two hosts", ["X-Forwarded-Host: a, b"], Seen.way()),
        said("a host with markup", ["X-Forwarded-Host: \"><script>"], Seen.way()),
        said("a port", ["X-Forwarded-Port: 443"], Seen.way(port: "443")),
        said("too high a port", ["X-Forwarded-Port: 65536"], Seen.way()),
        said("a port with a sign", ["X-Forwarded-Port: -1"], Seen.way()),
        said("no port", ["X-Forwarded-Port: x"], Seen.way()),
        said("a prefix", ["X-Forwarded-Prefix: /evil"], Seen.way()),
    ]

    private static func identity(_ identity: String, isKept: Bool) -> HostileCase {
        var seen = Seen("GET /MARK")
        if isKept { seen.requestID = identity }
        return .forwarded("id '\(identity)'", hostile("GET /MARK", ["X-Request-Id: \(identity)"]), seen)
    }

    private static let identities: [HostileCase] = [
        identity("a b", isKept: false), identity("a\"b", isKept: false), identity("a,b", isKept: false),
        identity("{\"a\":1}", isKept: false), identity("a\\b", isKept: false),
        identity("\u{FF}", isKept: false),
        identity("", isKept: false), identity(String(repeating: "a", count: 129), isKept: false),
        identity("<script>", isKept: false), identity("a\tb", isKept: false),
    ]
}

/// The PROXY protocol from a peer that is trusted (security.md 8): one head, read exactly, or no connection.
@Suite(
    .serialized, .timeLimit(.minutes(20)),
    HostileRoom(
        listener: "proxy_protocol: any", preface: "PROXY UNKNOWN\r\n", top: "trusted_proxies: [127.0.0.1]"))
struct HostileBalancerTests {
    static let table: [HostileCase] = [good, badTexts, badBytes].flatMap { $0 }

    @Test(arguments: table)
    func `a balancer's head is read exactly or the connection is closed`(hostile: HostileCase) throws {
        try hostile.check(.whole)
    }

    private static func seen(_ client: String) -> Seen {
        guard client != "127.0.0.1" else { return Seen("GET /MARK") }
        return Seen("GET /MARK", way: Seen.way(list: client, client: client))
    }

    private static func good(_ name: String, _ head: String, _ client: String) -> HostileCase {
        .forwarded(name, head + hostile("GET /MARK", ["X-Forwarded-For: 6.6.6.6"]), seen(client))
    }

    /// A head of version 2: command, family, and what follows them.
    private static func two(_ command: UInt8, _ family: UInt8, _ rest: [UInt8], length: Int? = nil) -> String
    {
        let size = length ?? rest.count
        let head = [command, family, UInt8(size >> 8), UInt8(size & 0xFF)]
        return "\r\n\r\n\0\r\nQUIT\n" + String(latin1: head + rest)
    }

    private static let four: [UInt8] = [203, 0, 113, 7, 127, 0, 0, 1, 0x12, 0x34, 0x1F, 0x90]

    private static let good: [HostileCase] = [
        good("version 1", "PROXY TCP4 203.0.113.7 127.0.0.1 4660 8080\r\n", "203.0.113.7"),
        good("version 1 and IPv6", "PROXY TCP6 2001:db8::7 ::1 4660 8080\r\n", "2001:db8::7"),
        good("version 2", two(0x21, 0x11, four), "203.0.113.7"),
        good("version 2 with extensions", two(0x21, 0x11, four + [4, 0, 2, 9, 9]), "203.0.113.7"),
    ]

    private static let texts: [String] = [
        "PROXY TCP4 203.0.113.7 127.0.0.1 4660\r\n", "PROXY TCP4 203.0.113.7 127.0.0.1 4660 8080 1\r\n",
        "PROXY TCP4 203.0.113.777 127.0.0.1 4660 8080\r\n", "PROXY TCP4 0203.0.113.7 127.0.0.1 4660 8080\r\n",
        "PROXY TCP4 2001:db8::7 ::1 4660 8080\r\n", "PROXY TCP4  203.0.113.7 127.0.0.1 4660 8080\r\n",
        "PROXY TCP4 203.0.113.7\t127.0.0.1 4660 8080\r\n", "PROXY TCP4 203.0.113.7 127.0.0.1 4660 99999\r\n",
        "PROXY TCP4 203.0.113.7 127.0.0.1 +4660 8080\r\n", "PROXY TCP4 203.0.113.7 127.0.0.1 4660 8080\n",
        "PROXY UDP4 203.0.113.7 127.0.0.1 4660 8080\r\n", "proxy TCP4 203.0.113.7 127.0.0.1 4660 8080\r\n",
        "PROXY tcp4 203.0.113.7 127.0.0.1 4660 8080\r\n", "PROXY\r\n", "PROXY TCP4\r\n", " PROXY UNKNOWN\r\n",
        "PROXY UNKNOWNX\r\n",
        "PROXY TCP4 203.0.113.7 127.0.0.1 4660 8080\0\r\n",
        "PROXY UNKNOWN " + String(repeating: "x", count: 120) + "\r\n", "",
        "GET /MARK/first HTTP/1.1\r\nHost: here\r\n\r\n",
    ]
    private static let badTexts: [HostileCase] = texts.map {
        HostileCase("'\($0.prefix(60))'", $0 + hostile("GET /MARK"), .dropped)
    }

    private static let heads: [String] = [
        two(0x31, 0x11, four), two(0x11, 0x11, four), two(0x22, 0x11, four), two(0x2F, 0x11, four),
        two(0x21, 0x11, [1, 2, 3]), two(0x21, 0x21, four), two(0x21, 0x41, four), two(0x21, 0xF1, four),
        two(0x21, 0x11, four, length: 60_000), "\r\n\r\n\0\r\nQUIX\n!\u{11}\0\0", "\r\n\r\n",
    ]
    private static let badBytes: [HostileCase] = heads.map {
        HostileCase("\($0.debugDescription)", $0 + hostile("GET /MARK"), .dropped)
    }
}
