import Bytes

/// One thing that bytes of strangers reach, with what must hold for any bytes at all.
///
/// The properties stand here once: the ordinary tests hold them for seeds and seeded mutants of these, the
/// fuzzer for whatever libFuzzer comes up with.
package enum FuzzTarget: String, CaseIterable, Sendable {
    case requestHead = "request-head"
    case responseHead = "response-head"
    case chunkedBody = "chunked-body"
    case path
    case settings
    case connection
    case http2
    case address
    case proxyProtocol = "proxy-protocol"
    case json
    case jsonScanner = "json-scanner"
    case calls
    case token
    case keySet = "key-set"
    case redisReply = "redis-reply"

    /// Holds the target's properties for `bytes`; throws where one is broken. What traps is broken as well.
    package func check(_ bytes: [UInt8]) throws(Violation) {
        switch self {
        case .requestHead: try RequestHeadProperties.check(bytes)
        case .responseHead: try ResponseHeadProperties.check(bytes)
        case .chunkedBody: try ChunkedBodyProperties.check(bytes)
        case .path: try PathProperties.check(bytes)
        case .settings: try SettingsProperties.check(bytes)
        case .http2: try HTTP2Properties.check(bytes)
        case .connection: try ConnectionProperties.check(bytes)
        case .address: try AddressProperties.check(bytes)
        case .proxyProtocol: try ProxyProtocolProperties.check(bytes)
        case .json: try JSONProperties.check(bytes)
        case .jsonScanner: try JSONScannerProperties.check(bytes)
        case .calls: try CallsProperties.check(bytes)
        case .token: try TokenProperties.check(bytes)
        case .keySet: try KeySetProperties.check(bytes)
        case .redisReply: try RedisReplyProperties.check(bytes)
        }
    }

    /// Bytes that an input may have. Beyond the bounds that the code keeps, where those are near.
    package var longestInput: Int {
        switch self {
        case .requestHead, .responseHead: 4096
        case .chunkedBody: 12_288
        case .path: 1024
        case .settings: 8192
        case .connection, .http2: 4096
        case .address: 128
        case .proxyProtocol: 640
        case .json, .jsonScanner, .calls: 2048
        case .token: 1536
        case .keySet: 4096
        case .redisReply: 4096
        }
    }
}

/// A property that does not hold.
package struct Violation: Error, CustomStringConvertible {
    package let description: String
}

func hold(_ condition: Bool, _ property: @autoclosure () -> String) throws(Violation) {
    guard condition else { throw Violation(description: property()) }
}

/// Bytes as a person reads them.
func shown(_ bytes: some Sequence<UInt8>) -> String {
    String(decoding: Array(bytes.prefix(400)), as: UTF8.self).debugDescription
}

/// Gives `body` the first `length` bytes: a copy that ends where its memory ends, or a view of all of them.
func withPrefix<R>(_ length: Int, of bytes: [UInt8], copied: Bool, _ body: (ByteView) -> R) -> R {
    copied ? Array(bytes[..<length]).withView(body) : bytes.withView { body($0.prefix(length)) }
}

/// Where the bytes of an input are cut: the same places for the same bytes, spread over all of them.
struct Cuts {
    private var state: UInt64

    init(_ bytes: [UInt8]) {
        state = 0xCBF2_9CE4_8422_2325
        for byte in bytes { state = (state ^ UInt64(byte)) &* 0x100_0000_01B3 }
    }

    /// A number of 0 to `bound`.
    mutating func next(upTo bound: Int) -> Int {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return Int((mixed ^ (mixed >> 31)) % UInt64(bound + 1))
    }
}

/// A number that two heads share only if they say the same (FNV-1a over whole words, order kept).
struct Digest {
    private(set) var value: UInt64 = 0xCBF2_9CE4_8422_2325

    mutating func add(_ word: Int) {
        value = (value ^ UInt64(truncatingIfNeeded: word)) &* 0x100_0000_01B3
        value ^= value >> 29
    }

    mutating func add(_ flag: Bool) { add(flag ? 1 : 0) }
}
