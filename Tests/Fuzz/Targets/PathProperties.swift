import Bytes
import HTTPModel

/// A path has one normal form, which no server can take for another path.
enum PathProperties {
    static func check(_ bytes: [UInt8]) throws(Violation) {
        let once = try normalise(bytes, room: PathNormaliser.longestNormalForm(ofPath: bytes.count))
        let isNormal = bytes.withView { PathNormaliser.isNormal($0) }
        try checkReference(bytes, once)
        guard let once else { return try hold(!isNormal, "called normal, but has no normal form") }
        try hold(isNormal == (once == bytes), "called \(isNormal ? "" : "not ")normal: \(shown(once))")
        try hold(once.count <= max(1, bytes.count * 3), "\(once.count) bytes of \(bytes.count)")
        try checkNormal(once)
        let twice = try normalise(once, room: once.count)
        try hold(twice == once, "the normal form of \(shown(once)) is \(twice.map { shown($0) } ?? "none")")
        try hold(once.withView { PathNormaliser.isNormal($0) }, "a normal form is not called normal")
    }

    /// What holds for a path that servers get to see.
    static func checkNormal(_ path: [UInt8]) throws(Violation) {
        try hold(path.first == 0x2F, "\(shown(path)) does not begin with a slash")
        try hold(
            path.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != 0x5C && $0 != 0x3F && $0 != 0x23 },
            "\(shown(path)) holds a byte that a path cannot have")
        guard let decoded = decoded(path) else {
            throw Violation(description: "\(shown(path)) has a bad escape")
        }
        for (byte, wasEscaped) in decoded where wasEscaped {
            try hold(
                byte != 0x2F && byte != 0x5C && byte >= 0x20 && byte != 0x7F,
                "\(shown(path)) hides a separator or a control character")
            try hold(!isUnreserved(byte), "\(shown(path)) escapes what need not be escaped")
        }
        let segments = path.dropFirst().split(separator: 0x2F, omittingEmptySubsequences: false)
        for (index, segment) in segments.enumerated() {
            let name = segment.prefix { $0 != 0x3B }
            try hold(!equal(name, ".") && !equal(name, ".."), "\(shown(path)) has a dot segment")
            try hold(
                !segment.isEmpty || index == segments.count - 1, "\(shown(path)) has an empty segment")
        }
        let unescaped = decoded.map(\.0)
        try hold(
            String(validating: unescaped, as: UTF8.self) != nil, "\(shown(path)) is not UTF-8 unescaped")
    }

    private static func normalise(_ bytes: [UInt8], room: Int) throws(Violation) -> [UInt8]? {
        var isRefused = false
        let form = try written(capacity: max(1, room)) { writer in
            bytes.withView { view in
                do throws(PathError) {
                    try PathNormaliser.normalise(view, into: &writer)
                } catch {
                    isRefused = true
                }
            }
        }
        return isRefused ? nil : form
    }

    /// Compares the outcome with the plainest way to do it: decode all, cut at slashes, walk the segments.
    private static func checkReference(_ bytes: [UInt8], _ form: [UInt8]?) throws(Violation) {
        guard let form else {
            return try hold(expected(bytes) == nil, "refused, but nothing speaks against it")
        }
        guard let expected = expected(bytes) else {
            throw Violation(description: "\(shown(form)) was accepted")
        }
        let unescaped = decoded(form)?.map(\.0) ?? []
        try hold(unescaped == expected, "read as \(shown(unescaped)), a plain reader sees \(shown(expected))")
    }

    /// The path without escapes and dot segments, or nil where servers disagree about it.
    private static func expected(_ bytes: [UInt8]) -> [UInt8]? {
        guard !bytes.isEmpty else { return [0x2F] }
        guard bytes[0] == 0x2F, let decoded = decoded(bytes) else { return nil }
        for (byte, wasEscaped) in decoded {
            if wasEscaped {
                guard byte != 0x2F, byte != 0x5C, byte >= 0x20, byte != 0x7F else { return nil }
            } else {
                guard byte > 0x20, byte < 0x7F, byte != 0x5C, byte != 0x23, byte != 0x3F else { return nil }
            }
        }
        guard let text = String(validating: decoded.map(\.0), as: UTF8.self),
            text.unicodeScalars.allSatisfy({ !(0x80...0x9F).contains($0.value) })
        else { return nil }
        var kept: [[UInt8]] = []
        let segments = decoded.dropFirst().split(
            omittingEmptySubsequences: false, whereSeparator: { $0.0 == 0x2F })
        var endsOpen = false
        for segment in segments {
            let name = segment.map(\.0)
            endsOpen = name.isEmpty || equal(name, ".") || equal(name, "..")
            if equal(name, "..") {
                guard !kept.isEmpty else { return nil }
                kept.removeLast()
                continue
            }
            if endsOpen { continue }
            // Parameters begin with a semicolon, for some servers with an encoded one too. Before them must
            // stand a name, and no dots.
            let parameters = segment.firstIndex { $0.0 == 0x3B } ?? segment.endIndex
            let bare = segment[..<parameters].map(\.0)
            if parameters != segment.endIndex, bare.isEmpty || equal(bare, ".") || equal(bare, "..") {
                return nil
            }
            kept.append(name)
        }
        let joined = kept.map { [0x2F] + $0 }.joined()
        return endsOpen || kept.isEmpty ? Array(joined) + [0x2F] : Array(joined)
    }

    /// Bytes with what they stand for, and whether they were escaped; nil where an escape is none.
    private static func decoded(_ bytes: [UInt8]) -> [(UInt8, Bool)]? {
        var result: [(UInt8, Bool)] = []
        var index = 0
        while index < bytes.count {
            guard bytes[index] == 0x25 else {
                result.append((bytes[index], false))
                index += 1
                continue
            }
            guard index + 2 < bytes.count,
                let value = UInt8(
                    String(decoding: bytes[(index + 1)...(index + 2)], as: UTF8.self), radix: 16),
                bytes[index + 1] != 0x2B, bytes[index + 1] != 0x2D
            else { return nil }
            result.append((value, true))
            index += 3
        }
        return result
    }

    private static func isUnreserved(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E: true
        default: false
        }
    }
}
