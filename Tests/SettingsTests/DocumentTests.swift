import Testing

@testable import Settings

@Suite struct DocumentTests {
    @Test func `merge keys fill in what is not written beside them`() throws {
        let text = """
            x-base: &base { balance: least_requests, connections: 7, idle_connections: 3 }
            x-more: &more { connections: 8, connect_timeout: 1s }
            upstreams:
              app:
                <<: [*base, *more]
                servers: [127.0.0.1:3000]
                idle_connections: 9
            routes: [{ path: /*, upstream: app }]
            """
        let loaded = load(text)
        #expect(loaded.diagnostics.text == "")
        let upstream = try #require(loaded.settings?.upstreams.first)
        #expect(upstream.balance == .leastRequests)
        #expect(upstream.connections == 7)
        #expect(upstream.connectTimeout == .seconds(1))
        #expect(upstream.idleConnections == 9)
    }

    @Test func `a merge key takes maps only`() {
        #expect(headlines("log:\n  <<: 5\n") == ["2:3: error: << takes an alias of a map, or a list of them"])
    }

    @Test func `every duplicate key is reported at its later place, with everything else that is wrong`() {
        let text = """
            log:
              level: info
              level: debug
              "format": text
              format: json
            drain: { deadline: 9s, deadline: 8s, deadline: 7s }
            lgo: 1
            log: { level: info }
            x-paths: { /a: 1, /b: 2, /a: 3 }
            """
        #expect(
            headlines(text) == [
                "3:3: error: duplicate key \"level\" (first on line 2)",
                "5:3: error: duplicate key \"format\" (first on line 4)",
                "6:24: error: duplicate key \"deadline\" (first on line 6)",
                "6:38: error: duplicate key \"deadline\" (first on line 6)",
                "7:1: error: unknown key \"lgo\" (did you mean \"log\"?)",
                "8:1: error: duplicate key \"log\" (first on line 1)",
                "9:26: error: duplicate key \"/a\" (first on line 9)",
            ])
    }

    @Test func `an alias bomb is refused quickly`() {
        var text = "x-a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
        for level in 1...12 {
            let aliases = [String](repeating: "*a\(level - 1)", count: 10).joined(separator: ", ")
            text += "x-a\(level): &a\(level) [\(aliases)]\n"
        }
        #expect(headlines(text) == ["1:1: error: aliases repeat the file's parts more than 200000 times"])
    }

    @Test(arguments: ["? *a30\n: 1\n", "*a30 : 1\n", "x-z: { [*a30]: 1 }\n", "x-z: { {a: *a30} : 1 }\n"])
    func `an alias bomb inside a key is refused quickly as well`(key: String) {
        var text = "x-a0: &a0 [x, x]\n"
        for level in 1...30 { text += "x-a\(level): &a\(level) [*a\(level - 1), *a\(level - 1)]\n" }
        #expect(
            headlines(text + key) == ["1:1: error: aliases repeat the file's parts more than 200000 times"])
    }

    @Test func `deep nesting is refused`() {
        let text = "x-a: " + String(repeating: "[", count: 200) + String(repeating: "]", count: 200) + "\n"
        #expect(headlines(text) == ["1:37: error: nested deeper than 32 levels"])
        let block = (0..<60).map { String(repeating: " ", count: $0) + "x-a:\n" }.joined()
        #expect(headlines(block).first?.contains("nested deeper than 32 levels") == true)
    }

    @Test(arguments: ["[", "{a: ", "- ", "? ", "[[", "&a [", "!!x [", "{? "])
    func `nesting as deep as a file is long is refused and overflows no stack`(sign: String) {
        for count in [900, 50_000] {
            let text = "x-a:\n  " + String(repeating: sign, count: count) + "\n"
            let found = load(text).diagnostics
            #expect(found.hasErrors, "\(count)")
            #expect(found.text.utf8.count < 1000)
        }
    }

    @Test func `a file that is too large is refused unread`() {
        let text = String(repeating: "# comment\n", count: 250_000)
        #expect(headlines(text) == ["1:1: error: the file is larger than 2 MiB"])
    }

    @Test(arguments: ["? *a\n: 1\n", "? [x]\n: 1\n", "? {x: 1}\n: 1\n", "{ [x]: 1 }\n"])
    func `a key is a word`(entry: String) {
        let text = "x-a: &a [x]\nx-b:\n  " + entry.replacing("\n", with: "\n  ") + "\n"
        #expect(headlines(text).map { $0.hasSuffix("a key must be a word, not a list or map") } == [true])
    }

    @Test func `an alias of a word is one`() {
        #expect(load("x-a: &level debug\nlog: { level: *level }\n").settings?.log.level == .debug)
        #expect(load("x-a: &key level\nlog: { *key : debug }\n").settings?.log.level == .debug)
    }

    @Test(arguments: ["x-a: &a [*a]\n", "x-a: *later\nx-b: &later 1\n"])
    func `an alias stands for what is complete before it`(text: String) {
        #expect(headlines(text).map { $0.contains("no part of the file is named by this alias") } == [true])
    }

    @Test(arguments: [
        ("log:\n\tlevel: info\n", "2:1: error: a tab cannot indent; use spaces"),
        (
            "routes:\n  - { path: /*, hosts: [*.example.com] }\n",
            "2:26: error: no part of the file is named by this alias; put a text that begins with * in quotes"
        ),
        ("a: 1\n---\nb: 2\n", "2:1: error: one file holds one document; remove the second \"---\""),
        ("log: \u{1}\n", "1:6: error: a character that YAML does not allow (U+1)"),
        ("#\r#\r\n#\u{85}#\u{2028}log: \u{1}\n", "5:6: error: a character that YAML does not allow (U+1)"),
        ("- a\n", "1:1: error: the file: expected a map of keys, found a list"),
        ("word\n", "1:1: error: the file: expected a map of keys, found a value"),
        ("? [a]\n: 1\n", "1:3: error: a key must be a word, not a list or map"),
    ])
    func `YAML errors are said in an operator's words`(text: String, expected: String) {
        #expect(headlines(text) == [expected])
    }

    @Test func `an unquoted reference inside braces gets a hint`() throws {
        let found = try #require(headlines("admin: { token: ${ADMIN_TOKEN:-} }\n").first)
        #expect(found.contains("inside { } and [ ] put \"${…}\" in quotes"))
        let address = try #require(headlines("listeners:\n  - address: [::1]:8080\n").first)
        #expect(address.contains("put an IPv6 address in quotes"))
    }

    @Test func `an empty file means the defaults`() {
        for text in ["", "\n", "# nothing\n", "---\n", "routes:\nlimits:\nlog:\n"] {
            #expect(load(text).settings == .init(), "\(text)")
        }
    }
}

@Suite struct InterpolationTests {
    @Test(arguments: [
        ("${A}", "1"), ("x${A}y${B}", "x1y"), ("${C:-d}", "d"), ("${B:-d}", "d"), ("${A:-d}", "1"),
        ("${C:-}", ""),
        ("$${A}", "${A}"), ("$A $", "$A $"), ("a$$b", "a$$b"), ("${C:-a:-b}", "a:-b"), ("no", "no"),
    ])
    func `references are replaced`(text: String, expected: String) throws {
        #expect(try Interpolation.expand(text, environment: ["A": "1", "B": ""]).text == expected)
    }

    @Test(arguments: ["${", "${A", "${}", "${1A}", "${A-b}", "${A:b}", "${A B}", "${:-x}", "${Ä}"])
    func `anything else that begins like one is refused`(text: String) {
        #expect(throws: Interpolation.Failure.malformed) {
            try Interpolation.expand(text, environment: ["A": "1"])
        }
    }

    @Test func `what a variable holds is not expanded again`() throws {
        #expect(try Interpolation.expand("${A}", environment: ["A": "${B}"]).text == "${B}")
    }

    @Test func `a missing variable is named with its place`() {
        #expect(
            headlines("log:\n  level: ${LEVEL}\n") == [
                "2:10: error: log.level: the environment has no variable LEVEL; set it, or give "
                    + "a default: ${LEVEL:-…}"
            ])
        #expect(
            load("log:\n  level: ${LEVEL}\n", environment: ["LEVEL": "debug"]).settings?.log.level == .debug)
    }

    @Test func `keys and comments are left alone`() {
        #expect(headlines("# ${A}\nlog: { level: info } # ${A}\n") == [])
    }

    @Test func `what came from the environment is not shown`() {
        let found = load("log:\n  level: ${LEVEL}\n", environment: ["LEVEL": "hunter2"]).diagnostics
        #expect(found.text.contains("found the value of \"${LEVEL}\""))
        #expect(!found.text.contains("hunter2"))
    }
}
