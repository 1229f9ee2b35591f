import Addressing
import Bytes
import HTTP1
import HTTPModel

/// Puts one answer together from what arrives, and holds it to its bounds. Does no input or output.
struct ResponseReader {
    enum Step: Equatable {
        case more
        /// The answer is whole. The connection may serve another request where it is reusable.
        case complete(FetchResponse, reusable: Bool)
        case failed(FetchFailure)
    }

    private enum State {
        case head
        case body(Head, BodyReader)
        case over
    }

    private struct Head {
        let status: Int
        let contentType: String?
        let freshness: Duration?
        let keepAlive: Bool
    }

    /// What a head in the bytes that were received came to.
    private enum HeadResult {
        case incomplete
        case interim(length: Int)
        case final(length: Int, Head, BodyFraming)
        case failed(FetchFailure)
    }

    /// Bytes of an answer's head, interim answers included.
    static let headLimit = 16 << 10
    private static let interimLimit = 4

    private let bodyLimit: Int
    private var state = State.head
    private var parser = ResponseParser(limits: HeadLimits(maximumBytes: headLimit))
    private var head: [UInt8] = []
    private var interims = 0
    private var body: [UInt8] = []

    /// - Parameter bodyLimit: bytes.
    init(bodyLimit: Int) { self.bodyLimit = bodyLimit }

    /// Whether anything has arrived.
    private(set) var hasBegun = false

    var hasHead: Bool {
        switch state {
        case .head: false
        case .body, .over: true
        }
    }

    /// Takes bytes that arrived; they are moved about in place.
    mutating func take(_ bytes: MutableByteView) -> Step {
        guard bytes.count > 0 else { return .more }
        hasBegun = true
        switch state {
        case .head: return takeHead(bytes)
        case .body: return takeBody(bytes)
        case .over: return .failed(.badAnswer)
        }
    }

    /// The peer has ended its side.
    ///
    /// - Parameter clean: It has said so itself, where encryption lets it: a body that lasts until the end is
    /// whole then, and cut by somebody else otherwise.
    mutating func ended(clean: Bool) -> Step {
        guard case .body(let head, var reader) = state, clean, reader.peerEnded() else {
            return fail(.cutOff)
        }
        return complete(head, reusable: false)
    }

    private mutating func fail(_ failure: FetchFailure) -> Step {
        state = .over
        return .failed(failure)
    }

    private mutating func complete(_ head: Head, reusable: Bool) -> Step {
        state = .over
        let response = FetchResponse(
            status: head.status, contentType: head.contentType, freshness: head.freshness, body: body)
        return .complete(response, reusable: reusable && head.keepAlive)
    }

    // MARK: Head

    private mutating func takeHead(_ bytes: MutableByteView) -> Step {
        head += bytes.view.array()
        while true {
            switch parse() {
            case .incomplete:
                guard head.count < Self.headLimit else { return fail(.headTooLarge) }
                return .more
            case .failed(let failure): return fail(failure)
            case .interim(let length):
                head.removeFirst(length)
                interims += 1
                guard interims <= Self.interimLimit else { return fail(.badAnswer) }
            case .final(let length, let final, let framing):
                let rest = head.count - length
                head = []
                return begin(final, framing, bytes.slice(bytes.count - rest, bytes.count))
            }
        }
    }

    private mutating func begin(_ final: Head, _ framing: BodyFraming, _ rest: MutableByteView) -> Step {
        if case .length(let length) = framing, length > bodyLimit {
            return fail(.bodyTooLarge(limit: bodyLimit))
        }
        let reader = BodyReader(framing)
        guard !reader.isEnded else { return complete(final, reusable: rest.count == 0) }
        state = .body(final, reader)
        return rest.count > 0 ? takeBody(rest) : .more
    }

    private mutating func parse() -> HeadResult {
        var parser = parser
        let result: HeadResult = head.withView { view in
            var parsed = ResponseHead()
            do throws(HeadError) {
                guard let length = try parser.parse(view, answering: .get, into: &parsed) else {
                    return .incomplete
                }
                return Self.judge(parsed, length)
            } catch .headTooLarge {
                return .failed(.headTooLarge)
            } catch {
                return .failed(.notHTTP(error))
            }
        }
        self.parser = parser
        return result
    }

    private static func judge(_ head: borrowing ResponseHead, _ length: Int) -> HeadResult {
        switch head.status {
        case 101: return .failed(.badAnswer)
        case 100...199: return .interim(length: length)
        case 301, 302, 303, 307, 308:
            let host = head.value(of: .location).flatMap { RedirectTarget.host($0.text()) }
            return .failed(.redirected(status: head.status, host: host))
        default: break
        }
        if let coding = head.value(of: .contentEncoding), !coding.equalsIgnoringCase("identity") {
            return .failed(.encoded)
        }
        let summary = Head(
            status: head.status, contentType: head.value(of: .contentType)?.text(),
            freshness: Freshness.read(head), keepAlive: head.keepAlive)
        return .final(length: length, summary, head.framing)
    }

    // MARK: Body

    private mutating func takeBody(_ bytes: MutableByteView) -> Step {
        guard case .body(let head, var reader) = state else { return fail(.badAnswer) }
        do throws(ChunkError) {
            let step = try reader.read(bytes)
            guard body.count + step.payload.count <= bodyLimit else {
                return fail(.bodyTooLarge(limit: bodyLimit))
            }
            body += bytes.view.slice(step.payload.lowerBound, step.payload.upperBound).array()
            guard step.ended else {
                state = .body(head, reader)
                return .more
            }
            return complete(head, reusable: step.consumed == bytes.count)
        } catch {
            return fail(.badAnswer)
        }
    }
}

/// Where a Location field points.
enum RedirectTarget {
    /// The host, and nothing else of it; nil where it names none, or none that is written as hosts are.
    static func host(_ location: String) -> String? {
        // `//host/…` or `scheme://host/…`; everything else is a path here.
        guard let slashes = location.firstRange(of: "//") else { return nil }
        let scheme = location[..<slashes.lowerBound]
        guard scheme.isEmpty || scheme.firstIndex(of: ":") == scheme.indices.last, !scheme.hasPrefix("/")
        else {
            return nil
        }
        let authority = location[slashes.upperBound...].prefix { !"/?#\\".contains($0) }
        let host = authority.split(separator: "@", omittingEmptySubsequences: false).last ?? ""
        return Array(host.utf8).withView { Authority.isValid($0) } ? String(host) : nil
    }
}

/// How long an answer may be used (RFC 9111 §4.2.1), of which max-age is all that a private cache needs.
enum Freshness {
    static func read(_ head: borrowing ResponseHead) -> Duration? {
        var age = 0
        var maximum: Int?
        var index = 0
        while index < head.fields.count {
            if head.name(at: index).equalsIgnoringCase("age") {
                age = max(age, head.value(at: index).decimal() ?? 0)
            } else if case .cacheControl = head.fields[index].name {
                maximum = directive(head.value(at: index).text(), maximum)
            }
            index += 1
        }
        return maximum.map { .seconds(max(0, $0 - age)) }
    }

    /// The strictest of what one line and those before it say, in seconds.
    static func directive(_ line: String, _ before: Int?) -> Int? {
        var seconds = before
        for directive in line.split(separator: ",") {
            let parts = directive.split(separator: "=", maxSplits: 1)
            let name = parts.first.map { $0.filter { $0 != " " && $0 != "\t" }.lowercased() } ?? ""
            switch name {
            case "no-store", "no-cache": seconds = 0
            case "max-age":
                let digits = parts.count == 2 ? parts[1].filter { $0 != "\"" && $0 != " " } : ""
                // What cannot be read is stale (RFC 9111 §4.2.1); what is longer than a year is a year.
                let value = Int(digits).map { min(max(0, $0), 31_536_000) } ?? 0
                seconds = min(seconds ?? value, value)
            default: break
            }
        }
        return seconds
    }
}
