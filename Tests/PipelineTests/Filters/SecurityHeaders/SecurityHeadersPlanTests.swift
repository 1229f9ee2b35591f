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
}
