import Addressing
import Bytes
import Proxy

/// A balancer's head is read the same way however it arrives, within its bounds, and never beyond its end.
enum ProxyProtocolProperties {
    static func check(_ bytes: [UInt8]) throws(Violation) {
        for versions in [ListenerSettings.ProxyProtocol.v1, .v2, .any] {
            let whole = bytes.withView { ProxyProtocol.parse($0, versions) }
            for length in 0..<bytes.count {
                let part = Array(bytes[..<length]).withView { ProxyProtocol.parse($0, versions) }
                switch part {
                case .incomplete: continue
                case .invalid, .complete:
                    try hold(part == whole, "\(length) bytes say \(part), all of them \(whole)")
                }
                break
            }
            guard case .complete(let length, let source) = whole else {
                let longest = versions == .v1 ? ProxyProtocol.longestV1 : ProxyProtocol.longestV2
                try hold(
                    whole == .invalid || bytes.count < longest, "\(bytes.count) bytes, and still waiting")
                continue
            }
            try checkComplete(Array(bytes.prefix(length)), length, source)
        }
    }

    private static func checkComplete(
        _ head: [UInt8], _ length: Int, _ source: IPAddress?
    ) throws(Violation) {
        try hold(head.count == length, "a head of \(length) bytes, of which \(head.count) are there")
        if head[0] == 0x0D {
            try hold(length >= 16 && length <= ProxyProtocol.longestV2, "a head of \(length) bytes")
            try hold(length == 16 + Int(head[14]) * 256 + Int(head[15]), "another length than announced")
            try hold(head[12] >> 4 == 2, "another version")
            if head[12] & 0x0F == 0 { try hold(source == nil, "a balancer speaks for itself as \(source!)") }
            if let source, head[13] >> 4 == 1 {
                let bits = head[16..<20].reduce(UInt128(0)) { $0 << 8 | UInt128($1) }
                try hold(source == IPAddress(ipv4: UInt32(bits)), "another address than announced")
            }
            return
        }
        try hold(length <= ProxyProtocol.longestV1, "a head of \(length) bytes")
        try hold(head.suffix(2).elementsEqual([0x0D, 0x0A]), "a line without its end")
        try hold(!head.dropLast().contains(0x0A), "a line feed inside the line")
        let words = head.dropLast(2).split(separator: 0x20, omittingEmptySubsequences: false)
        try hold(equal(words[0], "PROXY"), "another beginning")
        guard let source else { return try hold(equal(words[1], "UNKNOWN"), "nobody, but not UNKNOWN") }
        try hold(words.count == 6, "\(words.count) words")
        try hold(Array(words[2]).withView { IPAddress($0) } == source, "another address than announced")
    }
}
