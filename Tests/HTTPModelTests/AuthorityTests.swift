import Bytes
import HTTPModel
import Testing

@Suite struct AuthorityTests {
    @Test(
        "RFC 4291 §2.2: IPv6 addresses",
        arguments: [
            ("::", true), ("::1", true), ("1::", true), ("1::8", true), ("1:2:3:4:5:6:7:8", true),
            ("1:2:3:4:5:6:7::", true),
            ("::2:3:4:5:6:7:8", true), ("ABCD:ef01::", true), ("::1.2.3.4", true),
            ("1:2:3:4:5:6:1.2.3.4", true), ("64:ff9b::1.2.3.4", true),
            ("", false), (":", false), (":::", false), ("1", false), ("1:2:3:4:5:6:7", false),
            ("1:2:3:4:5:6:7:8:9", false),
            ("1:2:3:4:5:6:7:8::", false), ("::1::", false), ("1:::2", false), (":1", false), ("1:", false),
            ("12345::", false), ("g::", false),
            ("1.2.3.4", false), ("::1.2.3", false), ("::1.2.3.256", false), ("::01.2.3.4", false),
            ("1:2:3:4:5:6:7:1.2.3.4", false),
            ("::1.2.3.4:5", false), ("::1.2.3.4.5", false), ("1::2:", false), ("fe80::1%eth0", false),
            ("::1 ", false),
        ])
    func addresses(text: String, isValid: Bool) {
        #expect(Array("[\(text)]".utf8).withView { Authority.isValid($0) } == isValid)
        #expect(Array("[\(text)]:80".utf8).withView { Authority.isValid($0) } == isValid)
    }

    @Test func `a host may have 253 characters and a closing dot`() {
        let label = String(repeating: "a", count: 63)
        let longest = "\(label).\(label).\(label).\(String(repeating: "a", count: 61))"
        #expect(longest.utf8.count == 253)
        #expect(Array((longest + ".:443").utf8).withView { Authority.isValid($0) })
        #expect(!Array((longest + "aa").utf8).withView { Authority.isValid($0) })
    }

    @Test func `the host ends before the port`() {
        #expect(Authority.hostEnd(ByteView("a.example:80")) == 9)
        #expect(Authority.hostEnd(ByteView("[::1]:80")) == 5)
        #expect(Authority.hostEnd(ByteView("[::1")) == nil)
    }
}
