import Bytes
import Pipeline
import Testing
import Time

@Suite struct APIKeyTests {
    /// Made once, by a generator that counts.
    static let text = made(7)

    static func made(_ seed: UInt64) -> String {
        var random = RandomSource(seed: seed)
        return APIKey.make(&random)
    }

    static func key(_ text: String) -> APIKey? { Array(text.utf8).withView { APIKey($0) } }

    @Test func `a key that was made is one`() throws {
        for seed in 0..<200 {
            let text = Self.made(UInt64(seed))
            #expect(text.utf8.count == APIKey.length)
            let key = try #require(Self.key(text))
            #expect(text.dropFirst(4).prefix(10) == key.id.text)
            #expect(APIKeyID(key.id.text) == key.id)
            #expect(key.id.bytes == Array(key.id.text.utf8))
        }
        #expect(Set((0..<200).map { Self.made(UInt64($0)) }).count == 200)
    }

    @Test func `a key is kept as sha256sum would have it`() throws {
        // printf %s fgk_0000000000_0000000000000000000000000000000000000000000_2FZJjg | sha256sum
        let key = Self.key("fgk_0000000000_\(String(repeating: "0", count: 43))_1AMZtL")
        #expect(key == nil, "the checksum is another")
        #expect(try #require(Self.key(Self.text)).digest.text.count == 64)
    }

    @Test func `a key with any character changed, cut or added is none`() {
        let bytes = Array(Self.text.utf8)
        for index in bytes.indices {
            for replacement in Array("x0_- é".utf8) where replacement != bytes[index] {
                var changed = bytes
                changed[index] = replacement
                #expect(changed.withView { APIKey($0) } == nil, "\(String(decoding: changed, as: UTF8.self))")
            }
            #expect(bytes.prefix(index).withView { APIKey($0) } == nil)
            var shorter = bytes
            shorter.remove(at: index)
            #expect(shorter.withView { APIKey($0) } == nil)
        }
        #expect((bytes + [0x30]).withView { APIKey($0) } == nil)
        #expect([UInt8](repeating: 0x66, count: 1 << 20).withView { APIKey($0) } == nil)
    }
}

extension ArraySlice<UInt8> {
    fileprivate func withView<R>(_ body: (ByteView) -> R) -> R { Array(self).withView(body) }
}

/// A record for a key, owned by `acme`.
func record(of text: String, _ change: (inout APIKeyRecord) -> Void = { _ in }) throws -> APIKeyRecord {
    let key = try #require(APIKeyTests.key(text))
    var record = APIKeyRecord(
        id: key.id, digest: key.digest, owner: "acme", created: WallTime(nanoseconds: 1_000_000_000))
    change(&record)
    return record
}
