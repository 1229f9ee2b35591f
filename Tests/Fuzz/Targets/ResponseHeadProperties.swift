import Bytes
import HTTP1
import HTTPModel
import Proxy

/// A response head means one thing only: the same wherever it is cut, the same to a plain strict reader, and
/// the same to the client that it is passed on to.
enum ResponseHeadProperties {
    private enum Verdict: Equatable {
        case incomplete
        case refused(HeadError)
        case accepted(length: Int, digest: UInt64)
    }

    private static let limits = [
        HeadLimits(), HeadLimits(maximumBytes: 256, maximumTarget: 48, maximumFields: 6),
    ]

    static func check(_ bytes: [UInt8]) throws(Violation) {
        for limits in limits {
            for method in [Method.get, .head] {
                let whole = parse(bytes, method, cuts: [], limits)
                try checkCuts(bytes, method, whole, limits)
                guard case .accepted(let length, _) = whole else { continue }
                try hold(length <= min(bytes.count, limits.maximumBytes), "a head of \(length) bytes")
                try checkMeaning(Array(bytes[..<length]), method, limits)
            }
        }
    }

    // MARK: Cuts

    private static func checkCuts(
        _ bytes: [UInt8], _ method: Method, _ whole: Verdict, _ limits: HeadLimits
    ) throws(Violation) {
        var ended = bytes
        if case .refused = whole { ended += Array("\r\n\r\n".utf8) }
        let dripped = parse(ended, method, cuts: Array(0..<min(ended.count, 512)), limits)
        try hold(dripped == whole, "byte by byte \(dripped), in one piece \(whole)")
        var cuts = Cuts(bytes)
        for _ in 0..<3 {
            let first = cuts.next(upTo: ended.count)
            let second = first + cuts.next(upTo: ended.count - first)
            let verdict = parse(ended, method, cuts: [first, second], limits)
            try hold(verdict == whole, "cut at \(first) and \(second) \(verdict), in one piece \(whole)")
        }
    }

    private static func parse(
        _ bytes: [UInt8], _ method: Method, cuts: [Int], _ limits: HeadLimits
    ) -> Verdict {
        var parser = ResponseParser(limits: limits)
        var head = ResponseHead()
        for cut in cuts + [bytes.count] {
            let verdict = withPrefix(cut, of: bytes, copied: cuts.count < 8) { view -> Verdict in
                do throws(HeadError) {
                    guard let length = try parser.parse(view, answering: method, into: &head) else {
                        return .incomplete
                    }
                    return .accepted(length: length, digest: digest(head))
                } catch {
                    return .refused(error)
                }
            }
            if verdict != .incomplete { return verdict }
        }
        return .incomplete
    }

    private static func digest(_ head: borrowing ResponseHead) -> UInt64 {
        var digest = Digest()
        digest.add(head.bytes.count)
        digest.add(head.status)
        digest.add(head.reason.start)
        digest.add(head.reason.end)
        digest.add(head.minorVersion)
        digest.add(RequestHeadProperties.number(of: head.framing))
        digest.add(head.keepAlive)
        digest.add(head.connectionListsOthers)
        digest.add(head.fieldsStart)
        digest.add(fields: head.fields)
        return digest.value
    }

    // MARK: Meaning

    private static func checkMeaning(
        _ bytes: [UInt8], _ method: Method, _ limits: HeadLimits
    ) throws(Violation) {
        var parser = ResponseParser(limits: limits)
        var head = ResponseHead()
        let violation = bytes.withView { view -> Violation? in
            do throws(HeadError) {
                guard try parser.parse(view, answering: method, into: &head) == bytes.count else {
                    return Violation(description: "a head alone is not what it is before other bytes")
                }
            } catch {
                return Violation(description: "a head alone is refused: \(error)")
            }
            do throws(Violation) {
                let reference = try compare(head, bytes, method)
                try checkPassedOn(head, reference, method)
                return nil
            } catch {
                return error
            }
        }
        if let violation { throw violation }
    }

    private static func compare(
        _ head: borrowing ResponseHead, _ bytes: [UInt8], _ method: Method
    ) throws(Violation) -> ReferenceHead {
        guard let reference = ReferenceHead(bytes, from: 0, parts: 2) else {
            throw Violation(description: "accepted, but no strict reader sees a head in it")
        }
        try hold(reference.end == bytes.count, "the head ends at \(reference.end) for a strict reader")
        let version = reference.start[0]
        try hold(
            equal(version, "HTTP/1.1") && head.minorVersion == 1
                || equal(version, "HTTP/1.0") && head.minorVersion == 0, "another version")
        let words = reference.start[1].split(separator: 0x20, maxSplits: 1, omittingEmptySubsequences: false)
        try hold(decimal(words[0]) == head.status && words[0].count == 3, "another status")
        try hold((100...599).contains(head.status), "a status that is none")
        try hold(head.reasonBytes.array() == (words.count > 1 ? Array(words[1]) : []), "another reason")
        try hold(head.fields.count == reference.lines.count, "another number of field lines")
        for index in 0..<head.fields.count {
            let line = reference.lines[index]
            try hold(
                head.name(at: index).array().map(ReferenceHead.lower) == line.name
                    && head.value(at: index).array() == Array(line.value), "field line \(index) is another")
        }
        try compareFraming(head, reference, method)
        return reference
    }

    private static func compareFraming(
        _ head: borrowing ResponseHead, _ reference: ReferenceHead, _ method: Method
    ) throws(Violation) {
        let declared = reference.framing
        try hold(declared != .broken, "a head with two framings was accepted")
        if declared == .chunked { try hold(head.minorVersion == 1, "chunks in HTTP/1.0") }
        let hasNone = head.status < 200 || head.status == 204 || head.status == 304 || method == .head
        let isUndeclared = reference.count("content-length") + reference.count("transfer-encoding") == 0
        switch head.framing {
        case .none: try hold(hasNone || declared == .none && !isUndeclared, "a body was overlooked")
        case .length(let length): try hold(!hasNone && declared == .length(length), "another length")
        case .chunked: try hold(!hasNone && declared == .chunked, "chunks that nobody declared")
        case .untilClose: try hold(!hasNone && isUndeclared && !head.keepAlive, "a body until the close")
        }
        if head.status < 200 || head.status == 204, declared != .none {
            try hold(!head.keepAlive, "a body was declared where none can be, and the connection is kept")
        }
    }

    // MARK: Passing on

    private static func checkPassedOn(
        _ head: borrowing ResponseHead, _ reference: ReferenceHead, _ method: Method
    ) throws(Violation) {
        for minorVersion in [1, 0] {
            let line = "\(method == .head ? "HEAD" : "GET") / HTTP/1.\(minorVersion)"
            let request = Array("\(line)\r\nHost: a.example\r\n\r\n".utf8)
            guard let exchange = Gateway.exchange(request, from: Gateway.stranger) else {
                throw Violation(description: "a plain request is refused")
            }
            let coding: BodyCoding =
                switch head.framing {
                case .none, .length: .asIs
                case .chunked, .untilClose: minorVersion == 1 ? .chunked : .untilClose
                }
            let bytes = try written(capacity: 98304) { writer in
                if head.status == 101 {
                    ClientHeadWriter.writeSwitch(head, to: exchange, writer: &writer)
                } else if head.isInterim {
                    ClientHeadWriter.writeInterim(head, to: &writer)
                } else {
                    ClientHeadWriter.write(
                        head, to: exchange, coding: coding, persists: coding != .untilClose,
                        cors: nil, securityHeaders: Gateway.plan.securityHeaders, limits: .none,
                        date: ByteView("Date: now\r\n"), writer: &writer)
                }
            }
            guard let sent = ReferenceHead(bytes, from: 0, parts: 2), sent.end == bytes.count else {
                throw Violation(description: "what is passed on is not one head: \(shown(bytes))")
            }
            do throws(Violation) {
                try checkSent(sent, head, reference, coding, method)
            } catch {
                throw Violation(description: "\(error.description); passed on: \(shown(bytes))")
            }
        }
    }

    private static func checkSent(
        _ sent: ReferenceHead, _ head: borrowing ResponseHead, _ reference: ReferenceHead,
        _ coding: BodyCoding, _ method: Method
    ) throws(Violation) {
        try hold(equal(sent.start[0], "HTTP/1.1"), "another version")
        try hold(decimal(sent.start[1].prefix(3)) == head.status, "another status")
        for name: StaticString in [
            "keep-alive", "proxy-connection", "te", "trailer", "proxy-authenticate", "server", "x-powered-by",
        ] {
            try hold(sent.count(name) == 0, "\(name) is passed on")
        }
        let hasBody = head.status >= 200 && head.status != 204
        switch (hasBody ? coding : .untilClose, sent.framing) {
        case (.asIs, .length(let length)):
            let isHeadOnly = method == .head || head.status == 304
            try hold(head.framing == .length(length) || isHeadOnly, "another length")
        case (.asIs, .none): try hold(head.framing == .none, "the length was lost")
        case (.chunked, .chunked): break
        case (.untilClose, .none): try hold(sent.count("content-length") == 0, "a length before no body")
        default: throw Violation(description: "\(head.framing) is passed on as \(sent.framing)")
        }
        if head.status >= 200 {
            try hold(sent.count("x-request-id") == 1 && sent.count("date") >= 1, "no X-Request-Id or no Date")
            try hold(sent.count("upgrade") == 0, "an upgrade behind the switch")
        }
        for name: StaticString in ["set-cookie", "content-type", "location", "etag", "vary", "link"] {
            try hold(
                sent.count(name) == reference.count(name) || isListed(name, reference), "\(name) was lost")
        }
    }

    /// Names that the gateway does not know may be taken out by `Connection`.
    private static func isListed(_ name: StaticString, _ reference: ReferenceHead) -> Bool {
        reference.elements("connection").contains { equal($0, name) }
    }
}
