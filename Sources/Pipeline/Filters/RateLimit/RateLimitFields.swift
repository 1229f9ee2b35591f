import Bytes
import Settings

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
    ///
    /// - Parameter seconds: Since 1970.
    package func write(_ claim: borrowing TokenClaim, at seconds: Int64, to writer: inout ByteWriter) {
        guard let tightest = RateLimitFields.tightest(of: claim) else { return }
        if contains(.standard) {
            writer.write("RateLimit-Policy: ")
            RateLimitFields.list(claim, to: &writer) { index, writer in
                writer.write(";q=")
                writer.write(decimal: Int(claim.demand[index].limit))
                writer.write(";w=")
                writer.write(decimal: claim.seconds(index))
            }
            writer.write("RateLimit: ")
            RateLimitFields.list(claim, to: &writer) { index, writer in
                writer.write(";r=")
                writer.write(decimal: Int(claim.demand[index].remaining))
                writer.write(";t=")
                writer.write(decimal: RateLimitFields.reset(of: claim, index))
            }
        }
        let bucket = claim.demand[tightest]
        let reset = RateLimitFields.reset(of: claim, tightest)
        if contains(.x) {
            write("X-RateLimit-", bucket, reset: Int(seconds) + reset, to: &writer)
        }
        if contains(.legacy) { write("RateLimit-", bucket, reset: reset, to: &writer) }
    }

    private func write(
        _ prefix: StaticString, _ bucket: TokenDemand.Bucket, reset: Int, to writer: inout ByteWriter
    ) {
        let values: InlineArray<3, (StaticString, Int)> = [
            ("Limit: ", Int(bucket.limit)), ("Remaining: ", Int(bucket.remaining)), ("Reset: ", reset),
        ]
        for index in 0..<3 {
            writer.write(prefix)
            writer.write(values[index].0)
            writer.write(decimal: values[index].1)
            writer.write("\r\n")
        }
    }

    private static func list(
        _ claim: borrowing TokenClaim, to writer: inout ByteWriter,
        _ parameters: (Int, inout ByteWriter) -> Void
    ) {
        var isFirst = true
        for index in 0..<claim.count where !claim.demand[index].isDry {
            writer.write(isFirst ? "\"" : ", \"")
            isFirst = false
            // Names are letters, digits, `-`, `.` and `_`: nothing to escape.
            writer.write(claim.name(index).text.view)
            writer.write("\"")
            parameters(index, &writer)
        }
        writer.write("\r\n")
    }

    /// Names of the rules that refused, as JSON strings parted by commas.
    package static func write(violatedOf claim: borrowing TokenClaim, to writer: inout ByteWriter) {
        var isFirst = true
        for index in 0..<claim.count where claim.demand[index].isShort && !claim.demand[index].isDry {
            writer.write(isFirst ? "\"" : ",\"")
            isFirst = false
            writer.write(claim.name(index).text.view)
            writer.write("\"")
        }
    }

    /// Whole seconds, rounded up: Retry-After is never earlier.
    private static func reset(of claim: borrowing TokenClaim, _ index: Int) -> Int {
        Int((claim.demand[index].reset &+ 999_999_999) / 1_000_000_000)
    }

    /// The bucket that one number has to stand for: the one that refuses, or of which least is left.
    private static func tightest(of claim: borrowing TokenClaim) -> Int? {
        if let refusal = claim.demand.refusal { return refusal }
        var tightest: Int?
        var share = Double.infinity
        for index in 0..<claim.count where !claim.demand[index].isDry {
            let left = Double(claim.demand[index].remaining) / Double(claim.demand[index].limit)
            guard left < share else { continue }
            (tightest, share) = (index, left)
        }
        return tightest
    }
}
