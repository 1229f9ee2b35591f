import Addressing
import Bytes
import Telemetry

/// One counter of a rule, as an operator asks for it.
package struct NamedCounter: Sendable {
    /// Rule, algorithm and plan: `chat/g@pro`.
    package let name: String
    /// What stands behind the prefix in Redis.
    package let redisKey: [UInt8]
    /// Whom it counts, as logs may have it: what is secret as a digest.
    package let holder: String
    /// Asks for nothing: to be looked at.
    package let bucket: TokenDemand.Bucket
}

/// Why a text names nobody whom a rule counts.
package struct HolderError: Error, Equatable, Sendable {
    package let words: String
}

extension RateLimitRule {
    /// All counters that the rule keeps for one holder: one for each of its rates.
    ///
    /// - Parameters:
    ///   - text: As `explain` shows it: `ip=203.0.113.9`, `user=users|alice,route=chat`, `all`. Values of
    ///     fields, cookies and claims as clients send them.
    ///   - issuer: Whose users are meant where the text names none.
    package func counters(
        of text: String, issuer: String?
    ) throws(HolderError) -> [NamedCounter] {
        let values = try values(of: text, issuer: issuer)
        return rates.map { rate in
            var hasher = Hasher()
            hasher.combine(rate.seed)
            for value in values { value.value(prefix: ipv6Prefix).hash(into: &hasher) }
            let key = UInt64(bitPattern: Int64(hasher.finalize()))
            var bucket = TokenDemand.Bucket(
                key: key, algorithm: rate.algorithm, limit: rate.limit, interval: rate.interval)
            bucket.cost = 0
            let holder = ByteWriter.text(capacity: RateLimitRule.longestHolder) { writer in
                if parts.isEmpty { writer.write("all") }
                for index in parts.indices {
                    if index > 0 { writer.write(",") }
                    values[index].value(prefix: ipv6Prefix).write(as: parts[index], to: &writer)
                }
            }
            let name = String(decoding: rate.id, as: UTF8.self)
            return NamedCounter(
                name: name, redisKey: Array("limit:{\(holder)}:\(name)".utf8), holder: holder,
                bucket: bucket)
        }
    }

    /// A value as an operator names it.
    private enum NamedValue {
        case address(IPAddress)
        case text(PinnedText)
        case user(PinnedText, issuer: PinnedText)

        /// Valid as long as this is.
        func value(prefix: Int) -> HolderValue {
            switch self {
            case .address(let address): .address(address, prefix: prefix)
            case .text(let text): .text(text.view)
            case .user(let user, let issuer): .user(user.view, issuer: issuer.view)
            }
        }
    }

    private func values(of text: String, issuer: String?) throws(HolderError) -> [NamedValue] {
        guard !parts.isEmpty else {
            guard text == "all" else { throw HolderError(words: "the limit counts all together: `all`") }
            return []
        }
        let pieces = parts.count == 1 ? [text[...]] : text.split(separator: ",")
        guard pieces.count == parts.count else {
            throw HolderError(words: "the limit counts by \(shape): one value of each, parted by commas")
        }
        var values: [NamedValue] = []
        for (part, piece) in zip(parts, pieces) { values.append(try value(part, piece, issuer)) }
        return values
    }

    /// Bytes that stay where they are as long as the values are looked at.
    private static func kept(_ text: Substring) -> PinnedText { PinnedText(String(text)) }

    /// Whether a holder's name holds what is nobody's business but the client's.
    package var hasSecretHolders: Bool { parts.contains(where: \.isSecret) }

    private var shape: String {
        parts.map { String(decoding: $0.label, as: UTF8.self) + "…" }.joined(separator: ",")
    }

    private func value(
        _ part: HolderPart, _ piece: Substring, _ issuer: String?
    ) throws(HolderError) -> NamedValue {
        guard let equals = piece.firstIndex(of: "=") else {
            throw HolderError(words: "the limit counts by \(shape)")
        }
        let label = piece[...equals]
        let text = piece[piece.index(after: equals)...]
        if label == "ip=" {
            let host = text.prefix { $0 != "/" }
            guard let address = IPAddress(host) else { throw HolderError(words: "\(host) is no address") }
            return .address(address.isIPv4 ? address : address.masked(to: ipv6Prefix))
        }
        guard Array(label.utf8) == part.label else {
            throw HolderError(words: "the limit counts by \(shape)")
        }
        guard !text.hasPrefix("#"), !text.isEmpty else {
            throw HolderError(words: "\(label) is followed by the value itself, not by its digest")
        }
        guard part.kind == .user else { return .text(RateLimitRule.kept(text)) }
        guard let bar = text.firstIndex(of: "|") else {
            guard let issuer else {
                throw HolderError(
                    words: "user= is followed by the token source, | and the user: user=users|alice")
            }
            return .user(RateLimitRule.kept(text), issuer: RateLimitRule.kept(issuer[...]))
        }
        return .user(
            RateLimitRule.kept(text[text.index(after: bar)...]), issuer: RateLimitRule.kept(text[..<bar]))
    }
}
