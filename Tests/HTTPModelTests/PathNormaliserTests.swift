import Bytes
import HTTPModel
import Testing

/// The normal form of a path, or why there is none.
func normalise(_ bytes: [UInt8], capacity: Int = 4096) -> Result<[UInt8], PathError> {
    var region = [UInt8](repeating: 0, count: capacity)
    return region.withUnsafeMutableBytes { memory in
        var writer = ByteWriter(memory)
        return bytes.withView { view in
            do throws(PathError) {
                try PathNormaliser.normalise(view, into: &writer)
                return .success(writer.view.array())
            } catch {
                return .failure(error)
            }
        }
    }
}

func normalise(_ text: String) -> Result<String, PathError> {
    normalise(Array(text.utf8)).map { String(decoding: $0, as: UTF8.self) }
}

func isNormal(_ bytes: [UInt8]) -> Bool { bytes.withView { PathNormaliser.isNormal($0) } }

@Suite struct PathNormaliserTests {
    @Test(
        "RFC 3986 §6.2.2: normal forms",
        arguments: [
            ("", "/"), ("/", "/"), ("/a", "/a"), ("/a/", "/a/"), ("//", "/"), ("///a//b///", "/a/b/"),
            ("/a//", "/a/"),
            ("/%41%7a%2D%2e%5F%7E", "/Az-._~"), ("/%3a%2b%c3%a4", "/%3A%2B%C3%A4"), ("/a%20b", "/a%20b"),
            ("/%252e%252E", "/%252e%252E"),
            ("/.", "/"), ("/./", "/"), ("/a/.", "/a/"), ("/a/./b", "/a/b"), ("/a/..", "/"), ("/a/../", "/"),
            ("/a/b/../c", "/a/c"),
            ("/a/b/../../c", "/c"), ("/a//../b", "/b"), ("/a/%2e%2E/b", "/b"), ("/a/.%2e/b", "/b"),
            ("/%2e/a", "/a"), ("/a/b/..//", "/a/"),
            ("/.well-known/x", "/.well-known/x"), ("/..a", "/..a"), ("/...", "/..."), ("/a..", "/a.."),
            ("/a./b", "/a./b"), ("/.a/..", "/"),
            ("/a;b=c/d", "/a;b=c/d"), ("/a;..", "/a;.."), ("/!$&'()*+,;=:@", "/!$&'()*+,;=:@"),
            ("/[a]|{b}^`\"<>", "/%5Ba%5D%7C%7Bb%7D%5E%60%22%3C%3E"),
            ("/%5b", "/%5B"), ("/%F0%9F%98%80", "/%F0%9F%98%80"), ("/%e2%82%ac", "/%E2%82%AC"),
            ("/%25", "/%25"), ("/%3F%23", "/%3F%23"),
        ])
    func normalForms(path: String, expected: String) {
        #expect(normalise(path) == .success(expected))
        #expect(isNormal(Array(path.utf8)) == (path == expected))
        #expect(normalise(expected) == .success(expected))
        // The same behind a long prefix, which the vector part has to get past.
        let prefix = "/" + String(repeating: "p", count: 37)
        if path.hasPrefix("/"), !path.contains("..") {
            #expect(normalise(prefix + path) == .success(prefix + expected))
            #expect(isNormal(Array((prefix + path).utf8)) == (path == expected))
        }
    }

    @Test(
        "paths that servers read in two ways are refused",
        arguments: [
            ("a", PathError.notAbsolute), ("*", .notAbsolute), ("%2Fa", .notAbsolute),
            ("/%2f", .encodedSeparator), ("/a%2Fb", .encodedSeparator), ("/%5C", .encodedSeparator),
            ("/..%2f", .encodedSeparator),
            ("/%5c..", .encodedSeparator), ("/a\\b", .backslash), ("/\\..\\", .backslash),
            ("/%00", .controlCharacter), ("/a%0Ab", .controlCharacter), ("/%0d%0a", .controlCharacter),
            ("/%1f", .controlCharacter),
            ("/%7F", .controlCharacter), ("/%09", .controlCharacter),
            ("/%", .badEscape), ("/%4", .badEscape), ("/%4g", .badEscape), ("/%g4", .badEscape),
            ("/%%41", .badEscape), ("/%u0041", .badEscape),
            ("/%c0%af", .invalidUTF8), ("/%c1%9c", .invalidUTF8), ("/%e0%80%af", .invalidUTF8),
            ("/%f0%80%80%af", .invalidUTF8),
            ("/%c0%ae%c0%ae/", .invalidUTF8), ("/%80", .invalidUTF8), ("/%bf", .invalidUTF8),
            ("/%c3", .invalidUTF8), ("/%c3a", .invalidUTF8),
            ("/%c3%28", .invalidUTF8), ("/%ed%a0%80", .invalidUTF8), ("/%f4%90%80%80", .invalidUTF8),
            ("/%f5%80%80%80", .invalidUTF8),
            ("/%ff", .invalidUTF8), ("/%e2%82", .invalidUTF8), ("/%e2%82/", .invalidUTF8),
            ("/%f0%9f%98", .invalidUTF8), ("/%c2%80", .invalidUTF8),
            ("/%c3%", .invalidUTF8),
            ("/..", .climbsAboveRoot), ("/../a", .climbsAboveRoot), ("/a/../..", .climbsAboveRoot),
            ("/%2e%2e/", .climbsAboveRoot),
            ("/./..", .climbsAboveRoot), ("//..", .climbsAboveRoot), ("/a/..//../b", .climbsAboveRoot),
            ("/..;/a", .disguisedDotSegment), ("/a/..;x=y/b", .disguisedDotSegment),
            ("/.;/a", .disguisedDotSegment), ("/%2e%2e;", .disguisedDotSegment),
            ("/..%3B/a", .disguisedDotSegment), ("/a/.%3b", .disguisedDotSegment),
            ("/;", .disguisedEmptySegment), ("/;/a", .disguisedEmptySegment),
            ("/a/;x=y/../b", .disguisedEmptySegment), ("/a//;/b", .disguisedEmptySegment),
            ("/%3B/a", .disguisedEmptySegment), ("/a/%3bx", .disguisedEmptySegment),
            ("/./;a", .disguisedEmptySegment),
            ("/a b", .badByte), ("/a?b", .badByte), ("/a#b", .badByte), ("/a\u{0}", .badByte),
            ("/a\u{7F}", .badByte), ("/ä", .badByte), ("/a\n", .badByte),
        ])
    func refusals(path: String, error: PathError) {
        #expect(normalise(path) == .failure(error))
        #expect(!isNormal(Array(path.utf8)))
        let prefix = "/" + String(repeating: "p", count: 37)
        if path.hasPrefix("/"), error != .climbsAboveRoot {
            #expect(normalise(prefix + path) == .failure(error))
            #expect(!isNormal(Array((prefix + path).utf8)))
        }
    }

    @Test func `an encoded semicolon is kept where it hides nothing`() {
        #expect(normalise("/a..%3B/a%3b") == .success("/a..%3B/a%3B"))
        #expect(isNormal(Array("/a..%3B/a%3B".utf8)))
    }

    @Test(
        "the normal form is its own normal form, and exactly what is normal stays", arguments: UInt64(0)..<40)
    func idempotence(seed: UInt64) {
        var random = Generator(state: seed)
        let pieces = [
            "/", "/", "/", ".", "..", "a", "B", "%2e", "%2E%2e", "%41", "%7e", "%20", "%3a", "%3B", ";", ";x",
            "%c3%a4", "%C3%A4", "~", "|", "[", "%5b",
            "%25", "%2", "%2f", "\\", "-_", "*", "longer-segment-than-a-block-of-16", "%E2%82%AC", "\"",
        ]
        var succeeded = 0
        for round in 0..<400 {
            var path = "/"
            for _ in 0..<Int.random(in: 0..<10, using: &random) {
                path += pieces.randomElement(using: &random)!
            }
            let bytes = Array(path.utf8)
            guard case .success(let once) = normalise(bytes) else {
                #expect(!isNormal(bytes), "seed \(seed), round \(round): \(path)")
                continue
            }
            succeeded += 1
            #expect(normalise(once) == .success(once), "seed \(seed), round \(round): \(path)")
            #expect(isNormal(once), "seed \(seed), round \(round): \(path)")
            #expect(isNormal(bytes) == (once == bytes), "seed \(seed), round \(round): \(path)")
            let text = "/" + String(decoding: once, as: UTF8.self) + "/"
            #expect(
                !text.contains("/../") && !text.contains("/./") && !text.dropFirst().dropLast().contains("//")
            )
        }
        #expect(succeeded > 100)
    }

    @Test func `every single byte is judged alike by both entry points, wherever it stands`() {
        for byte in UInt8.min...UInt8.max {
            for position in 1..<40 {
                var bytes = Array("/".utf8) + [UInt8](repeating: 0x61, count: 40)
                bytes[position] = byte
                #expect(
                    isNormal(bytes) == (normalise(bytes) == .success(bytes)), "byte \(byte) at \(position)")
            }
        }
    }

    @Test func `a region that is too small is told by the writer`() {
        var region = [UInt8](repeating: 0, count: 8)
        region.withUnsafeMutableBytes { memory in
            var writer = ByteWriter(memory)
            try? PathNormaliser.normalise(ByteView("/abc/def/../ghi"), into: &writer)
            let overflowed = writer.overflowed
            #expect(overflowed)
        }
    }
}

/// SplitMix64.
private struct Generator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
