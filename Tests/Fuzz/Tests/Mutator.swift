/// Makes inputs out of seeds: the changes that a fuzzer makes, and pieces that mean something to HTTP, YAML
/// and JSON. Makes the same ones in every run.
struct Mutator {
    private let seeds: [[UInt8]]
    private let longest: Int
    private var state: UInt64 = 0x1B0B_51DE

    init(seeds: [[UInt8]], longest: Int) {
        self.seeds = seeds
        self.longest = longest
    }

    private static let pieces: [[UInt8]] =
        [
            "\r\n", "\n", "\r", "\r\n\r\n", " ", "\t", ":", ",", ";", "%", "%2f", "%2e%2e", "%00", "%5c", "/",
            "/../", "//", "0", "1", "f", "-1", "+1", "0x", "99999999999999999999", "chunked", "\u{0}",
            "\u{7F}",
            "Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n", "Host: b\r\n", "Connection: close\r\n",
            "Connection: x\r\n", "Content_Length: 3\r\n", "Transfer-Encoding : chunked\r\n",
            "Expect: 100-continue\r\n", "X-Forwarded-For: 10.0.0.1, 192.0.2.1\r\n", "Upgrade: websocket\r\n",
            " HTTP/1.0", " HTTP/1.1", "HTTP/1.1 100 Continue\r\n\r\n", "0\r\n\r\n", "5\r\nhello\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "{", "}", "[", "]", "\"", "'", "\\u0000", "&a ", "*a",
            "<<: ",
            "- ", ": ", "${NAME}", "null", "|\n  ", "::", ".",
        ].map { Array($0.utf8) } + [[0x80], [0xC3], [0xE2, 0x80, 0xA8], [0xFE], [0xFF]]

    mutating func next() -> [UInt8] {
        var bytes = pick(seeds) ?? []
        for _ in 0...below(4) { mutate(&bytes) }
        return Array(bytes.prefix(longest))
    }

    private mutating func mutate(_ bytes: inout [UInt8]) {
        let place = below(bytes.count + 1)
        let isInside = place < bytes.count
        switch below(9) {
        case 0 where isInside: bytes[place] ^= 1 << UInt8(below(8))
        case 1 where isInside: bytes[place] = UInt8(below(256))
        case 2 where isInside: bytes.remove(at: place)
        case 3: bytes.insert(UInt8(below(256)), at: place)
        case 4, 5: bytes.insert(contentsOf: pick(Self.pieces) ?? [], at: place)
        case 6: bytes.removeSubrange(place..<min(bytes.count, place + below(16)))
        case 7:
            let end = min(bytes.count, place + below(32))
            bytes.insert(contentsOf: Array(bytes[place..<end]), at: below(bytes.count + 1))
        default:
            let other = pick(seeds) ?? []
            bytes.replaceSubrange(place..., with: other.dropFirst(below(other.count + 1)))
        }
    }

    private mutating func pick(_ choices: [[UInt8]]) -> [UInt8]? {
        choices.isEmpty ? nil : choices[below(choices.count)]
    }

    /// SplitMix64.
    private mutating func below(_ bound: Int) -> Int {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return Int((mixed ^ (mixed >> 31)) % UInt64(max(1, bound)))
    }
}
