import Bytes
import Testing

@testable import WebSocket

@Suite struct HandshakeKeyTests {
    private func text<let count: Int>(_ bytes: InlineArray<count, UInt8>) -> String {
        String(decoding: bytes.indices.map { bytes[$0] }, as: UTF8.self)
    }

    @Test func `the example of RFC 6455 1_3 is answered as there`() throws {
        let key = try #require(HandshakeKey(ByteView("dGhlIHNhbXBsZSBub25jZQ==")))
        #expect(text(key.accept) == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
        #expect(key.isAnswered(by: ByteView("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")))
        for wrong: StaticString in ["", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo", "S3pPLMBiTxaQ9kYGzzhZRbK+xOo="] {
            #expect(!key.isAnswered(by: ByteView(wrong)))
        }
        #expect(written { $0.write(acceptOf: key) } == Array("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=".utf8))
    }

    @Test func `a key is made of sixteen random bytes`() {
        let sample = ByteView("the sample nonce")
        var random = InlineArray<16, UInt8>(repeating: 0)
        for index in 0..<16 { random[index] = sample[index] }
        #expect(text(HandshakeKey(random: random).text) == "dGhlIHNhbXBsZSBub25jZQ==")
        #expect(text(HandshakeKey(random: InlineArray(repeating: 0xFF)).text) == "/////////////////////w==")
        let key = HandshakeKey(random: random)
        #expect(written { $0.write(key) } == Array("dGhlIHNhbXBsZSBub25jZQ==".utf8))
    }

    @Test(arguments: [
        "", "dGhlIHNhbXBsZSBub25jZQ=", "dGhlIHNhbXBsZSBub25jZQ== ", "dGhlIHNhbXBsZSBub25jZQAA",
        "dGhlIHNhbXBsZSBub25jZQ=A", "dGhlIHNhbXBsZSBub25jZ===", "dGhlIHNhbXBsZSBub25j-Q==",
        "dGhlIHNhbXBsZSBub25j\u{E9}==", "dGhlIHNhbXBsZSBub25jZQAA==",
    ])
    func `what is not sixteen bytes in base64 is no key`(value: String) {
        #expect(Array(value.utf8).withView { HandshakeKey($0) } == nil)
    }

    @Test(arguments: [
        ("", "da39a3ee5e6b4b0d3255bfef95601890afd80709"),
        ("abc", "a9993e364706816aba3e25717850c26c9cd0d89d"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "84983e441c3bd26ebaae4aa1f95129e5e54670f1"
        ),
        (String(repeating: "01234567", count: 80), "dea356a2cddd90c7a7ecedc5ebb563934f460452"),
    ])
    func `SHA-1 digests the examples of RFC 3174 and FIPS 180`(message: String, digest: String) {
        let made = SHA1.digest(Array(message.utf8).span)
        let digits = made.indices.map { index in
            (made[index] < 16 ? "0" : "") + String(made[index], radix: 16)
        }.joined()
        #expect(digits == digest)
    }

    @Test func `base64 has the padding that each length needs`() {
        #expect(
            text(Base64.encoded([0x66, 0x6F, 0x6F] as InlineArray<3, UInt8>) as InlineArray<4, UInt8>)
                == "Zm9v")
        #expect(
            text(Base64.encoded([0x66, 0x6F] as InlineArray<2, UInt8>) as InlineArray<4, UInt8>) == "Zm8=")
        #expect(text(Base64.encoded([0x66] as InlineArray<1, UInt8>) as InlineArray<4, UInt8>) == "Zg==")
    }
}
