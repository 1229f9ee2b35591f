import Bytes
import Settings
import Time

/// What an answer tells of its limits, as written for it.
package struct LimitLines {
    package let fields: RateLimitFields
    /// Complete field lines, each with its CRLF; empty for none.
    package let lines: ByteView
    /// The limits that refused, as JSON strings parted by commas.
    package let violated: ByteView

    package init(_ fields: RateLimitFields = [], lines: ByteView = .empty, violated: ByteView = .empty) {
        self.fields = fields
        self.lines = lines
        self.violated = violated
    }

    package static var none: LimitLines { LimitLines() }
}

/// Fields that tell a client how its limits stand.
package struct RateLimitFields: OptionSet, Sendable {
    package let rawValue: UInt8

    package init(rawValue: UInt8) { self.rawValue = rawValue }

    /// `RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers-10).
    package static let standard = RateLimitFields(rawValue: 1)
    /// `X-RateLimit-Limit`, `-Remaining` and `-Reset`, the last in seconds since 1970.
    package static let x = RateLimitFields(rawValue: 2)
    /// `RateLimit-Limit`, `-Remaining` and `-Reset` of the draft's former versions, in seconds.
    package static let legacy = RateLimitFields(rawValue: 4)

    /// As settings name them.
    package enum Name: String, CaseIterable, Sendable {
        case standard
        case x
        case legacy
    }

    package init(_ names: [Name]) {
        self = names.reduce(into: []) { fields, name in
            switch name {
            case .standard: fields.insert(.standard)
            case .x: fields.insert(.x)
            case .legacy: fields.insert(.legacy)
            }
        }
    }

    /// Whether the gateway writes a field of this name: what a backend says in it is about something else,
    /// and gives way.
    @inline(__always)
    package func writes(_ name: ByteView) -> Bool {
        guard name.count >= 9, name.count <= 21,
            name[0] | 0x20 == UInt8(ascii: "r") || name[1] == UInt8(ascii: "-")
        else { return false }
        return isAmong(name)
    }

    private func isAmong(_ name: ByteView) -> Bool {
        if contains(.standard) {
            if name.equalsIgnoringCase("ratelimit") || name.equalsIgnoringCase("ratelimit-policy") {
                return true
            }
        }
        if contains(.x), name.prefix(2).equalsIgnoringCase("x-"), RateLimitFields.isOld(name.dropFirst(2)) {
            return true
        }
        return contains(.legacy) && RateLimitFields.isOld(name)
    }

    private static func isOld(_ name: ByteView) -> Bool {
        name.equalsIgnoringCase("ratelimit-limit") || name.equalsIgnoringCase("ratelimit-remaining")
            || name.equalsIgnoringCase("ratelimit-reset")
    }

    /// Bytes that the fields of one answer take at most: names of 64 bytes and numbers of ten digits.
    package static let longest = TokenDemand.capacity * 2 * 128 + 512

    /// Bytes of all names of limits that refused.
    package static let longestViolated = TokenDemand.capacity * 68

    /// Writes field lines, each with its CRLF. Rules that only watch are not told of.
    package func write(_ claim: inout TokenClaim, at time: WallTime, to writer: inout ByteWriter) {
        guard let tightest = RateLimitFields.tightest(of: &claim) else { return }
        if contains(.standard) {
            writer.write("RateLimit-Policy: ")
            RateLimitFields.writeList(&claim, .policies, to: &writer)
            writer.write("RateLimit: ")
            RateLimitFields.writeList(&claim, .readings, to: &writer)
        }
        let bucket = claim.bucket(tightest)
        if contains(.x) {
            let end = time.nanoseconds &+ bucket.reset
            write("X-RateLimit-", bucket, reset: RateLimitFields.seconds(end), to: &writer)
        }
        if contains(.legacy) {
            write("RateLimit-", bucket, reset: RateLimitFields.seconds(bucket.reset), to: &writer)
        }
    }

    private func write(
        _ prefix: StaticString, _ bucket: TokenDemand.Bucket, reset: Int, to writer: inout ByteWriter
    ) {
        writer.write(prefix)
        writer.write("Limit: ")
        writer.write(decimal: Int(bucket.limit))
        writer.write("\r\n")
        writer.write(prefix)
        writer.write("Remaining: ")
        writer.write(decimal: Int(bucket.remaining))
        writer.write("\r\n")
        writer.write(prefix)
        writer.write("Reset: ")
        writer.write(decimal: reset)
        writer.write("\r\n")
    }

    private enum ListKind { case policies, readings }

    private static func writeList(
        _ claim: inout TokenClaim, _ kind: ListKind, to writer: inout ByteWriter
    ) {
        var isFirst = true
        for index in 0..<claim.count {
            let bucket = claim.bucket(index)
            if bucket.isDry { continue }
            writer.write(isFirst ? "\"" : ", \"")
            isFirst = false
            // Names are letters, digits, `-`, `.` and `_`: nothing to escape.
            writer.write(claim.name(index).text.view)
            switch kind {
            case .policies:
                writer.write("\";q=")
                writer.write(decimal: claim.quota(index))
                writer.write(";w=")
                writer.write(decimal: claim.seconds(index))
            case .readings:
                writer.write("\";r=")
                writer.write(decimal: Int(bucket.remaining))
                writer.write(";t=")
                writer.write(decimal: seconds(bucket.reset))
            }
        }
        writer.write("\r\n")
    }

    /// Names of the rules that refused, as JSON strings parted by commas.
    package static func write(violatedOf claim: inout TokenClaim, to writer: inout ByteWriter) {
        var isFirst = true
        for index in 0..<claim.count {
            let bucket = claim.bucket(index)
            guard bucket.isShort, !bucket.isDry else { continue }
            writer.write(isFirst ? "\"" : ",\"")
            isFirst = false
            writer.write(claim.name(index).text.view)
            writer.write("\"")
        }
    }

    /// Whole seconds, rounded up: nobody is told to come back before it is time.
    private static func seconds(_ nanoseconds: Int64) -> Int {
        Int((nanoseconds &+ 999_999_999) / 1_000_000_000)
    }

    /// The bucket that one number has to stand for: the one that refuses, or of which least is left.
    private static func tightest(of claim: inout TokenClaim) -> Int? {
        if let refusal = claim.refusal { return refusal }
        var tightest: Int?
        var share = Double.infinity
        for index in 0..<claim.count {
            let bucket = claim.bucket(index)
            if bucket.isDry { continue }
            let left = Double(bucket.remaining) / Double(bucket.limit)
            guard left < share else { continue }
            (tightest, share) = (index, left)
        }
        return tightest
    }
}
