import Addressing
import Bytes
import HTTPModel

/// Reads the head that balancers put before a connection to tell whose it is (PROXY protocol 1 and 2, HAProxy
/// 2020-03-05).
package enum ProxyProtocol {
    package enum Result: Equatable {
        case incomplete
        case invalid
        /// The head's length, and the client's address; nil where the balancer speaks for itself (LOCAL,
        /// UNKNOWN, unix).
        case complete(length: Int, source: IPAddress?)
    }

    /// Longest head of version 1, line end included.
    package static let longestV1 = 107
    /// Longest head of version 2 that is accepted, extensions included.
    package static let longestV2 = 536

    private static var signature: ByteView { ByteView("\r\n\r\n\0\r\nQUIT\n") }

    package static func parse(_ bytes: ByteView, _ versions: ListenerSettings.ProxyProtocol) -> Result {
        switch versions {
        case .off: .invalid
        case .v1: parseV1(bytes)
        case .v2: parseV2(bytes)
        case .any: bytes.isEmpty ? .incomplete : bytes[0] == 0x0D ? parseV2(bytes) : parseV1(bytes)
        }
    }

    private static func parseV1(_ bytes: ByteView) -> Result {
        let start = ByteView("PROXY ")
        guard bytes.prefix(min(bytes.count, start.count)).equals(start.prefix(min(bytes.count, start.count)))
        else {
            return .invalid
        }
        guard let lineFeed = bytes.prefix(min(bytes.count, longestV1)).firstIndex(of: 0x0A) else {
            return bytes.count < longestV1 ? .incomplete : .invalid
        }
        guard lineFeed >= 14, bytes[lineFeed - 1] == 0x0D else { return .invalid }
        let line = bytes.slice(start.count, lineFeed - 1)
        if line.count >= 7, line.prefix(7).equals("UNKNOWN"), line.count == 7 || line[7] == 0x20 {
            return .complete(length: lineFeed + 1, source: nil)
        }
        return parseV1Addresses(line, length: lineFeed + 1)
    }

    /// `TCP4 source destination port port`, single spaces.
    private static func parseV1Addresses(_ line: ByteView, length: Int) -> Result {
        var parts = InlineArray<5, ByteView>(repeating: .empty)
        var count = 0
        var start = 0
        while start <= line.count {
            guard count < 5 else { return .invalid }
            let end = line.firstIndex(of: 0x20, from: start) ?? line.count
            parts[count] = line.slice(start, end)
            count += 1
            start = end + 1
        }
        guard count == 5, let source = IPAddress(parts[1]), let target = IPAddress(parts[2]) else {
            return .invalid
        }
        guard let first = parts[3].decimal(), let second = parts[4].decimal(), first < 65536, second < 65536
        else {
            return .invalid
        }
        let isIPv4 = parts[0].equals("TCP4")
        guard isIPv4 || parts[0].equals("TCP6"), !isIPv4 || (source.isIPv4 && target.isIPv4) else {
            return .invalid
        }
        return .complete(length: length, source: source)
    }

    private static func parseV2(_ bytes: ByteView) -> Result {
        let known = min(bytes.count, signature.count)
        guard bytes.prefix(known).equals(signature.prefix(known)) else { return .invalid }
        guard bytes.count >= 16 else { return .incomplete }
        guard bytes[12] >> 4 == 2 else { return .invalid }
        let length = 16 + (Int(bytes[14]) << 8 | Int(bytes[15]))
        guard length <= longestV2 else { return .invalid }
        guard bytes.count >= length else { return .incomplete }
        switch bytes[12] & 0x0F {
        case 0: return .complete(length: length, source: nil)
        case 1: return parseV2Source(bytes, length: length)
        default: return .invalid
        }
    }

    private static func parseV2Source(_ bytes: ByteView, length: Int) -> Result {
        switch bytes[13] >> 4 {
        case 1:
            guard length >= 28 else { return .invalid }
            var address: UInt32 = 0
            for index in 16..<20 { address = address << 8 | UInt32(bytes[index]) }
            return .complete(length: length, source: IPAddress(ipv4: address))
        case 2:
            guard length >= 52 else { return .invalid }
            var address: UInt128 = 0
            for index in 16..<32 { address = address << 8 | UInt128(bytes[index]) }
            return .complete(length: length, source: IPAddress(bits: address))
        case 0, 3: return .complete(length: length, source: nil)
        default: return .invalid
        }
    }
}
