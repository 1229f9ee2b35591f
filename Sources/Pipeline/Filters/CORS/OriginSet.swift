import Bytes
import HTTPModel

/// The origins that a policy names, compiled: an origin is looked up in a time that does not depend on how
/// many there are. Shared by all routes with the same origins.
package final class OriginSet: Sendable {
    /// Origins that one policy may name.
    package static let capacity = 5000
    /// Bytes of the longest origin that is looked at: a scheme, 253 bytes of host, a port.
    private static let longest = 320

    package let allowsAny: Bool
    package let allowsNull: Bool
    private let exact: TextTable
    /// `https` and `example.com:8443`, the scheme behind the rest: looked up by the host's end.
    private let domains: TextTable

    package init(_ patterns: [OriginPattern]) {
        allowsAny = patterns.contains(.any)
        allowsNull = patterns.contains(.null)
        exact = TextTable(
            patterns.compactMap { pattern in
                if case .exact(let text) = pattern { text } else { nil }
            })
        domains = TextTable(
            patterns.compactMap { pattern in
                guard case .subdomains(let scheme, let domain, let port) = pattern else { return nil }
                return "\(domain)\(port) \(scheme)"
            })
    }

    /// Whether the origin is named, or matches a pattern. `*` and `null` are not looked at.
    package func contains(_ origin: ByteView) -> Bool {
        guard origin.count <= OriginSet.longest else { return false }
        if exact.contains(origin, .empty) { return true }
        return !domains.isEmpty && matchesDomain(origin)
    }

    /// Every end of the host that begins behind a dot is looked up; what stands before it must be labels.
    /// Bounded by the origin's length times its labels.
    private func matchesDomain(_ origin: ByteView) -> Bool {
        guard let colon = origin.firstIndex(of: 0x3A), origin.count > colon + 3,
            origin[colon + 1] == 0x2F, origin[colon + 2] == 0x2F
        else { return false }
        let scheme = origin.prefix(colon)
        let authority = origin.dropFirst(colon + 3)
        var label = 0
        for index in 0..<min(authority.count, 253) {
            let byte = authority[index]
            guard byte != 0x2E else {
                guard label > 0 else { return false }
                label = 0
                if domains.contains(authority.dropFirst(index + 1), scheme) { return true }
                continue
            }
            // Lower case alone: browsers send no other, and who sends another is none.
            let isLabel = byte &- 0x61 < 26 || ASCII.isDigit(byte) || byte == 0x2D || byte == 0x5F
            label += 1
            guard isLabel, label <= 63 else { return false }
        }
        return false
    }
}

/// Texts found by their bytes: open addressing at a load of at most a half. Settings put the texts in, so no
/// peer can crowd a place.
private struct TextTable: Sendable {
    private var bytes: [UInt8] = []
    private var ends: [Int] = [0]
    /// Places of texts and 1; 0 is free. As many as a power of two.
    private var slots: [Int32] = []
    private var longest = 0

    init(_ texts: [String]) {
        guard !texts.isEmpty else { return }
        var size = 4
        while size < texts.count * 2 { size *= 2 }
        slots = Array(repeating: 0, count: size)
        for text in texts {
            let new = Array(text.utf8)
            guard !new.withView({ contains($0, .empty) }) else { continue }
            var slot = new.withView { place(of: TextTable.hash($0, TextTable.seed)) }
            while slots[slot] != 0 { slot = (slot + 1) & (slots.count - 1) }
            slots[slot] = Int32(ends.count)
            bytes += new
            ends.append(bytes.count)
            longest = max(longest, new.count)
        }
    }

    var isEmpty: Bool { slots.isEmpty }

    /// Whether one of the texts is `text`, or `text`, a blank and `tail` where there is a tail.
    func contains(_ text: ByteView, _ tail: ByteView) -> Bool {
        let length = tail.isEmpty ? text.count : text.count + 1 + tail.count
        guard !slots.isEmpty, length <= longest else { return false }
        var hash = TextTable.hash(text, TextTable.seed)
        if !tail.isEmpty { hash = TextTable.hash(tail, TextTable.step(hash, 0x20)) }
        var slot = place(of: hash)
        while slots[slot] != 0 {
            let index = Int(slots[slot])
            let isSame = bytes.withView { all in
                let known = all.slice(ends[index - 1], ends[index])
                guard known.count == length, known.hasPrefix(text) else { return false }
                return tail.isEmpty
                    || known[text.count] == 0x20 && known.dropFirst(text.count + 1).equals(tail)
            }
            if isSame { return true }
            slot = (slot + 1) & (slots.count - 1)
        }
        return false
    }

    private func place(of hash: UInt64) -> Int { Int((hash ^ hash &>> 32) & UInt64(slots.count - 1)) }

    private static let seed: UInt64 = 0xCBF2_9CE4_8422_2325

    /// FNV-1a, which takes a text in parts.
    private static func hash(_ text: ByteView, _ start: UInt64) -> UInt64 {
        var hash = start
        for index in 0..<text.count { hash = step(hash, text[index]) }
        return hash
    }

    @inline(__always)
    private static func step(_ hash: UInt64, _ byte: UInt8) -> UInt64 {
        (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3
    }
}
