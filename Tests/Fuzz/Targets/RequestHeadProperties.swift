import Bytes
import HTTP1
import HTTPModel

/// A request head means one thing only: the same wherever it is cut, the same to a plain strict reader, and
/// the same to the server that it is forwarded to.
enum RequestHeadProperties {
    /// What a parser said.
    enum Verdict: Equatable {
        case incomplete
        case refused(HeadError)
        case accepted(length: Int, digest: UInt64)
    }

    /// The bounds that listeners have, and bounds that small inputs come up against.
    private static let limits = [
        HeadLimits(), HeadLimits(maximumBytes: 256, maximumTarget: 48, maximumFields: 6),
    ]

    static func check(_ bytes: [UInt8]) throws(Violation) {
        for limits in limits {
            let whole = parse(bytes, cuts: [], limits)
            try checkCuts(bytes, whole, limits)
            guard case .accepted(let length, _) = whole else { continue }
            try hold(
                length <= min(bytes.count, limits.maximumBytes), "a head of \(length) bytes was accepted")
            try checkMeaning(Array(bytes[..<length]), limits)
        }
        try ForwardingProperties.check(bytes)
    }

    // MARK: Cuts

    private static func checkCuts(_ bytes: [UInt8], _ whole: Verdict, _ limits: HeadLimits) throws(Violation)
    {
        // What is wrong in an incomplete head may be seen a little later when it drips; at its end at the
        // latest.
        var ended = bytes
        if case .refused = whole { ended += Array("\r\n\r\n".utf8) }
        let dripped = parse(ended, cuts: Array(0..<min(ended.count, 1024)), limits)
        try hold(dripped == whole, "byte by byte \(dripped), in one piece \(whole)")
        var cuts = Cuts(bytes)
        for _ in 0..<4 {
            let first = cuts.next(upTo: ended.count)
            let second = first + cuts.next(upTo: ended.count - first)
            let verdict = parse(ended, cuts: [first, second], limits)
            try hold(verdict == whole, "cut at \(first) and \(second) \(verdict), in one piece \(whole)")
        }
    }

    /// Parses `bytes`, which arrive in pieces that end at `cuts`; few pieces each at another place in memory.
    private static func parse(_ bytes: [UInt8], cuts: [Int], _ limits: HeadLimits) -> Verdict {
        var parser = RequestParser(limits: limits)
        var head = RequestHead()
        for cut in cuts + [bytes.count] {
            let verdict = withPrefix(cut, of: bytes, copied: cuts.count < 8) { view -> Verdict in
                do throws(HeadError) {
                    guard let length = try parser.parse(view, into: &head) else { return .incomplete }
                    return .accepted(length: length, digest: digest(head))
                } catch {
                    return .refused(error)
                }
            }
            if verdict != .incomplete { return verdict }
        }
        return .incomplete
    }

    private static func digest(_ head: borrowing RequestHead) -> UInt64 {
        var digest = Digest()
        digest.add(head.bytes.count)
        digest.add(Int(head.method.rawValue))
        digest.add(head.methodLength)
        digest.add(head.form == .origin ? 0 : head.form == .absolute ? 1 : 2)
        digest.add(head.path.start)
        digest.add(head.path.end)
        digest.add(head.query?.start ?? -1)
        digest.add(head.query?.end ?? -1)
        digest.add(head.authority?.start ?? -1)
        digest.add(head.authority?.end ?? -1)
        digest.add(head.minorVersion)
        digest.add(number(of: head.framing))
        digest.add(head.keepAlive)
        digest.add(head.expectsContinue)
        digest.add(head.wantsUpgrade)
        digest.add(head.connectionListsOthers)
        digest.add(fields: head.fields)
        return digest.value
    }

    static func number(of framing: BodyFraming) -> Int {
        switch framing {
        case .none: -1
        case .chunked: -2
        case .untilClose: -3
        case .length(let length): length
        }
    }

    // MARK: Meaning

    /// Compares what the parser understood with what the plain reader sees in the same bytes.
    private static func checkMeaning(_ bytes: [UInt8], _ limits: HeadLimits) throws(Violation) {
        var parser = RequestParser(limits: limits)
        var head = RequestHead()
        let violation = bytes.withView { view -> Violation? in
            do throws(HeadError) {
                guard try parser.parse(view, into: &head) == bytes.count else {
                    return Violation(description: "a head alone is not what it is before other bytes")
                }
            } catch {
                return Violation(description: "a head alone is refused: \(error)")
            }
            do throws(Violation) {
                try compare(head, bytes)
                return nil
            } catch {
                return error
            }
        }
        if let violation { throw violation }
    }

    private static func compare(_ head: borrowing RequestHead, _ bytes: [UInt8]) throws(Violation) {
        let start = bytes.count - head.bytes.count
        try hold(
            [0, 2, 4].contains(start) && bytes[..<start].allSatisfy { $0 == 0x0D || $0 == 0x0A },
            "\(start) bytes before the request line were overlooked")
        guard let reference = ReferenceHead(bytes, from: start, parts: 3) else {
            throw Violation(description: "accepted, but no strict reader sees a head in it")
        }
        try hold(reference.end == bytes.count, "the head ends at \(reference.end) for a strict reader")
        try hold(head.methodBytes.array() == Array(reference.start[0]), "another method")
        let version = reference.start[2]
        try hold(
            equal(version, "HTTP/1.1") && head.minorVersion == 1
                || equal(version, "HTTP/1.0") && head.minorVersion == 0, "another version")
        try compareTarget(head, Array(reference.start[1]))
        try compareFields(head, reference)
        try compareFraming(head, reference)
        try compareConnection(head, reference)
    }

    private static func compareTarget(_ head: borrowing RequestHead, _ target: [UInt8]) throws(Violation) {
        try hold(
            !target.isEmpty && target.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != 0x23 }, "a bad target")
        var said: [UInt8] = []
        switch head.form {
        case .origin: try hold(target[0] == 0x2F, "an origin form without a slash")
        case .asterisk:
            said = [0x2A]
            try hold(head.method == .options, "an asterisk without OPTIONS")
        case .absolute:
            let text = target.prefix(8).map(ReferenceHead.lower)
            let length = text.starts(with: "https://".utf8) ? 8 : 7
            try hold(text.starts(with: "http://".utf8) || length == 8, "an absolute form with another scheme")
            said = Array(target[..<length])
            said += head.authorityBytes?.array() ?? []
        case .authority: throw Violation(description: "an authority form was accepted")
        }
        said += head.pathBytes.array()
        if let query = head.queryBytes { said += [0x3F] + query.array() }
        try hold(said == target, "the target was read as \(shown(said))")
    }

    private static func compareFields(
        _ head: borrowing RequestHead, _ reference: ReferenceHead
    ) throws(Violation) {
        try hold(head.fields.count == reference.lines.count, "another number of field lines")
        for index in 0..<head.fields.count {
            let line = reference.lines[index]
            try hold(
                head.name(at: index).array().map(ReferenceHead.lower) == line.name
                    && head.value(at: index).array() == Array(line.value),
                "field line \(index) was read as \(shown(head.name(at: index).array()))"
                    + " and \(shown(head.value(at: index).array()))")
            let isSquashed = line.name.contains(0x5F) || line.name.contains(0x2E)
            try hold((head.fields[index].name == .ambiguous) == isSquashed, "an ambiguous name passed")
        }
        for name: StaticString in [
            "host", "content-length", "transfer-encoding", "authorization", "content-type", "origin",
            "user-agent", "referer", "range", "expect",
        ] {
            try hold(reference.count(name) <= 1, "two lines of \(name)")
        }
        if head.minorVersion == 1 { try hold(reference.count("host") == 1, "no Host in HTTP/1.1") }
    }

    private static func compareFraming(
        _ head: borrowing RequestHead, _ reference: ReferenceHead
    ) throws(Violation) {
        switch (head.framing, reference.framing) {
        case (.none, .none): break
        case (.length(let ours), .length(let theirs)): try hold(ours == theirs, "another length")
        case (.chunked, .chunked): try hold(head.minorVersion == 1, "chunks in HTTP/1.0")
        default:
            throw Violation(description: "framed as \(head.framing), but fields say \(reference.framing)")
        }
    }

    private static func compareConnection(
        _ head: borrowing RequestHead, _ reference: ReferenceHead
    ) throws(Violation) {
        let options = reference.elements("connection")
        let closes = options.contains { equal($0, "close") }
        let keeps = head.minorVersion == 1 || options.contains { equal($0, "keep-alive") }
        try hold(head.keepAlive == (keeps && !closes), "another future of the connection")
        let upgrades = head.minorVersion == 1 && options.contains { equal($0, "upgrade") }
        try hold(head.wantsUpgrade == (upgrades && reference.count("upgrade") > 0), "another upgrade")
        let expects = head.minorVersion == 1 && reference.count("expect") == 1
        try hold(head.expectsContinue == (expects && head.framing != .none), "another expectation")
    }
}

extension Digest {
    mutating func add(fields: borrowing FieldTable) {
        add(fields.count)
        for index in 0..<fields.count {
            let field = fields[index]
            add(Int(field.name.rawValue))
            add(Int(field.nameLength))
            add(Int(field.lineStart))
            add(Int(field.valueStart))
            add(Int(field.valueLength))
        }
    }
}
