import CNghttp2

/// Counts what costs a peer little and this side much: frames that carry nothing, and streams that are given
/// up (security.md 13; CVE-2023-44487, CVE-2025-8671, CVE-2019-9512 to 9518). Pure; time comes as an
/// argument.
///
/// Each kind has an allowance that fills up again with time and with useful work, so that a busy peer may do
/// more of it than one that does nothing else.
package struct FloodGuard: Sendable {
    package enum Kind: Int, CaseIterable, Sendable {
        /// Streams that ended before they were answered, whoever reset them.
        case reset
        /// SETTINGS, PING, PRIORITY, RST_STREAM and frames of types that mean nothing here.
        case control
        /// WINDOW_UPDATE.
        case window
        /// DATA without payload.
        case emptyData
    }

    /// What a peer may do at once, and again each second.
    package static func allowance(of kind: Kind) -> (burst: Int64, perSecond: Int64) {
        switch kind {
        // As many as may be open at once, as when somebody leaves a page that is still loading.
        case .reset: (100, 20)
        case .control: (200, 20)
        case .window: (2000, 200)
        case .emptyData: (50, 10)
        }
    }

    /// In thousandths, so that a second's share can be given in parts.
    private var left: InlineArray<4, Int64>
    private var filled: Int64

    /// - Parameter now: Nanoseconds of a monotonic clock.
    package init(now: Int64) {
        left = InlineArray { index in
            FloodGuard.allowance(of: Kind.allCases[index]).burst * 1000
        }
        filled = now
    }

    /// What a frame of the peer's counts as; nil where it is worth its price.
    static func kind(of head: FrameScanner.Head) -> Kind? {
        let isAnswer = UInt32(head.flags) & NGHTTP2_FLAG_ACK.rawValue != 0
        return switch UInt32(head.type) {
        case NGHTTP2_DATA.rawValue: head.length == 0 ? .emptyData : nil
        case NGHTTP2_HEADERS.rawValue, NGHTTP2_CONTINUATION.rawValue: nil
        case NGHTTP2_WINDOW_UPDATE.rawValue: .window
        // Answers to what this side has asked cost nothing.
        case NGHTTP2_SETTINGS.rawValue, NGHTTP2_PING.rawValue: isAnswer ? nil : .control
        default: .control
        }
    }

    /// The peer has done one of these. False where it was one too many.
    package mutating func admit(_ kind: Kind, now: Int64) -> Bool {
        refill(now)
        guard left[kind.rawValue] >= 1000 else { return false }
        left[kind.rawValue] -= 1000
        return true
    }

    /// Useful work earns so many of a kind.
    package mutating func earn(_ kind: Kind, _ count: Int64) {
        left[kind.rawValue] = min(
            left[kind.rawValue] + count * 1000, FloodGuard.allowance(of: kind).burst * 1000)
    }

    private mutating func refill(_ now: Int64) {
        // A tenth of a second at least: the division would lose what is less.
        let elapsed = now - filled
        guard elapsed >= 100_000_000 else { return }
        filled = now
        let milliseconds = min(elapsed / 1_000_000, 60_000)
        for kind in Kind.allCases {
            let allowance = FloodGuard.allowance(of: kind)
            left[kind.rawValue] = min(
                left[kind.rawValue] + milliseconds * allowance.perSecond, allowance.burst * 1000)
        }
    }
}
