import Bytes
import HTTP1
import HTTPModel
import Pipeline
import Settings
import Testing

@Suite struct SecurityHeadersPlanTests {
    /// The lines that the plan writes for an answer, and the names of the answer's own that it drops.
    private func apply(
        _ settings: SecurityHeadersSettings, to fields: String
    ) throws -> (written: [String], dropped: [String]) {
        let plan = SecurityHeadersPlan(settings)
        let text = ("HTTP/1.1 200 OK\n" + fields).replacing("\n", with: "\r\n") + "\r\n"
        return try Array(text.utf8).withView { bytes in
            var head = ResponseHead()
            var parser = ResponseParser(limits: HeadLimits())
            let length = try parser.parse(bytes, answering: .get, into: &head)
            #expect(length == bytes.count)
            let written = ByteWriter.text(capacity: 8192) { plan.write(for: head, to: &$0) }
            var dropped: [String] = []
            for index in 0..<head.fields.count where plan.drops(head, index) {
                dropped.append(head.name(at: index).text())
            }
            return (written.split(separator: "\r\n").map(String.init), dropped)
        }
    }

    private func names(_ lines: [String]) -> [String] { lines.map { String($0.prefix { $0 != ":" }) } }

    @Test func `helmet's fields are added, the policy for pages to pages alone`() throws {
        let plain = try apply(SecurityHeadersSettings(), to: "Content-Type: application/json\n").written
        #expect(plain.count == 11)
        #expect(plain.contains("X-Content-Type-Options: nosniff"))
        #expect(!names(plain).contains("Content-Security-Policy"))
        let page = try apply(SecurityHeadersSettings(), to: "Content-Type: text/html; charset=utf-8\n")
            .written
        #expect(page.count == 12)
        #expect(names(page).contains("Content-Security-Policy"))
    }

    @Test func `the backend's own value stands, unless settings replace it`() throws {
        var settings = SecurityHeadersSettings()
        let own = "X-Frame-Options: DENY\n"
        let kept = try apply(settings, to: own)
        #expect(!names(kept.written).contains("X-Frame-Options"))
        #expect(kept.dropped == [])
        settings.override = .replace
        let replaced = try apply(settings, to: own)
        #expect(replaced.written.contains("X-Frame-Options: SAMEORIGIN"))
        #expect(replaced.dropped == ["X-Frame-Options"])
    }

    @Test func `what tells about the backend is removed`() throws {
        let own = "Server: nginx/1.2\nX-Powered-By: PHP\nX-Other: 1\n"
        #expect(try apply(SecurityHeadersSettings(), to: own).dropped == ["Server", "X-Powered-By"])
        var settings = SecurityHeadersSettings()
        settings.remove = ["x-other"]
        #expect(try apply(settings, to: own).dropped == ["X-Other"])
    }

    @Test func `fields are set, changed and omitted by name, whatever its case`() throws {
        var settings = SecurityHeadersSettings()
        settings.set = [HeaderField("x-frame-options", "DENY"), HeaderField("X-Ours", "1")]
        settings.omit = ["strict-transport-security"]
        let written = try apply(settings, to: "").written
        #expect(written.contains("x-frame-options: DENY"))
        #expect(written.contains("X-Ours: 1"))
        #expect(!names(written).contains("X-Frame-Options"))
        #expect(!names(written).contains("Strict-Transport-Security"))
        settings.preset = .off
        #expect(names(try apply(settings, to: "").written) == ["x-frame-options", "X-Ours"])
    }

    @Test func `an answer of the gateway's own that is a page gets the policy for pages`() {
        let plan = SecurityHeadersPlan(SecurityHeadersSettings())
        func written(_ fields: HeaderField...) -> [String] {
            let body = FixedBody(bytes: [], contentType: "text/plain; charset=utf-8", fields: fields)
            let text = ByteWriter.text(capacity: 8192) { plan.write(to: &$0, besides: body) }
            return names(text.split(separator: "\r\n").map(String.init))
        }
        #expect(!written().contains("Content-Security-Policy"))
        let page = HeaderField("content-type", "Text/HTML; charset=utf-8")
        #expect(written(page).count == 12)
        #expect(written(page).contains("Content-Security-Policy"))
        let own = written(page, HeaderField("Content-Security-Policy", "default-src 'none'"))
        #expect(own.count == 11)
        #expect(!own.contains("Content-Security-Policy"))
    }

    // MARK: Presets

    private static let json = "Content-Type: application/json\n"
    private static let page = "Content-Type: text/html\n"

    private func written(_ preset: SecurityHeadersSettings.Preset, _ fields: String) throws -> [String] {
        var settings = SecurityHeadersSettings()
        settings.preset = preset
        return try apply(settings, to: fields).written
    }

    @Test(arguments: [
        (SecurityHeadersSettings.Preset.helmet, 11, 12), (.api, 6, 6), (.web, 8, 9), (.strict, 12, 12),
        (.off, 0, 0),
    ])
    func `a preset has so many fields for data and for pages`(
        preset: SecurityHeadersSettings.Preset, data: Int, page: Int
    ) throws {
        #expect(try written(preset, Self.json).count == data)
        #expect(try written(preset, Self.page).count == page)
        // What no answer goes without.
        for fields in preset == .off ? [] : [Self.json, Self.page] {
            let lines = try written(preset, fields)
            #expect(lines.contains("X-Content-Type-Options: nosniff"))
            #expect(names(lines).contains("Strict-Transport-Security"))
            #expect(names(lines).contains("X-Frame-Options"))
        }
    }

    @Test func `nothing in an answer of an API may run or be framed, whatever it calls itself`() throws {
        for fields in [Self.json, Self.page, "Content-Type: image/svg+xml\n", ""] {
            let lines = try written(.api, fields)
            #expect(lines.contains("Content-Security-Policy: default-src 'none'; frame-ancestors 'none'"))
            #expect(lines.contains("X-Frame-Options: DENY"))
        }
    }

    @Test func `pages of the web preset may load from anywhere and keep their popups`() throws {
        let lines = try written(.web, Self.page)
        #expect(!lines.contains { $0.contains("script-src") || $0.contains("default-src") })
        #expect(lines.contains("Cross-Origin-Opener-Policy: same-origin-allow-popups"))
    }

    // MARK: Content policies

    private static let nonces = [
        "Content-Security-Policy: script-src 'nonce-r4nd0m' 'strict-dynamic'\n",
        "content-security-policy: default-src 'self';script-src 'NONCE-abc'\n",
    ]

    @Test(arguments: nonces, [SecurityHeadersSettings.Preset.helmet, .api, .web, .strict])
    func `a policy with a nonce is the page's own, even where fields are replaced`(
        own: String, preset: SecurityHeadersSettings.Preset
    ) throws {
        var settings = SecurityHeadersSettings()
        settings.preset = preset
        for override in SecurityHeadersSettings.Override.allCases {
            settings.override = override
            let answer = try apply(settings, to: Self.page + own + "X-Frame-Options: SAMEORIGIN\n")
            #expect(!names(answer.written).contains("Content-Security-Policy"))
            #expect(answer.dropped == (override == .keep ? [] : ["X-Frame-Options"]))
        }
    }

    @Test(arguments: [
        "Content-Security-Policy: default-src *\n", "Content-Security-Policy: script-src 'self' nonce-abc\n",
        "Content-Security-Policy: script-src 'sha256-abc'\n", "Content-Security-Policy: 'nonce-\n",
    ])
    func `a policy without one is replaced where settings say so`(own: String) throws {
        var settings = SecurityHeadersSettings()
        settings.preset = .strict
        settings.override = .replace
        let answer = try apply(settings, to: Self.page + own)
        #expect(answer.dropped == ["Content-Security-Policy"])
        #expect(names(answer.written).filter { $0 == "Content-Security-Policy" }.count == 1)
    }

    @Test func `a policy that only reports goes with pages, beside the one that binds`() throws {
        var settings = SecurityHeadersSettings()
        settings.set = [HeaderField("Content-Security-Policy-Report-Only", "default-src 'self'")]
        #expect(try !names(apply(settings, to: Self.json).written).contains { $0.hasSuffix("Report-Only") })
        let page = names(try apply(settings, to: Self.page).written)
        #expect(page.contains("Content-Security-Policy") && page.contains { $0.hasSuffix("Report-Only") })
        settings.override = .replace
        let own = "Content-Security-Policy-Report-Only: script-src 'nonce-a'\n"
        let kept = try apply(settings, to: Self.page + own)
        #expect(kept.dropped == [])
        #expect(!names(kept.written).contains { $0.hasSuffix("Report-Only") })
    }

    @Test func `the usual fields that tell about software are removed, and no others`() throws {
        let telling = [
            "Server", "X-Powered-By", "x-aspnet-version", "X-AspNetMvc-Version", "X-Generator", "X-Runtime",
            "X-PHP-Version", "X-Powered-CMS", "Powered-By", "X-Varnish", "X-Backend-Server",
            "X-Envoy-Upstream-Service-Time",
        ]
        let others = ["X-Cache", "Via", "X-Frame-Options", "ETag", "X-RateLimit-Limit", "X-Runtimes"]
        let fields = (telling + others).map { "\($0): a\n" }.joined()
        #expect(try apply(SecurityHeadersSettings(), to: fields).dropped == telling)
        #expect(try apply(.off, to: fields).dropped == telling)
    }
}
