import Testing

/// What a client does on a connection, one step after another.
enum HTTP2Step: Sendable {
    case bytes([UInt8])
    /// Sent in one call with the frames right behind it.
    case frame(HTTP2Frame)
    /// Byte by byte, each as a packet of its own.
    case dripped([UInt8])
    /// Until a stream is answered whole or reset.
    case untilOver(UInt32)
    /// Until the server has acknowledged so many SETTINGS frames.
    case untilAcknowledged(Int)

    static func headers(
        _ stream: UInt32, _ fields: [(String, String)], _ flags: HTTP2Frame.Flags = .whole
    ) -> HTTP2Step { .frame(.headers(stream, .fields(fields), flags)) }

    static func block(
        _ stream: UInt32, _ block: HPACKBlock, _ flags: HTTP2Frame.Flags = .whole
    ) -> HTTP2Step { .frame(.headers(stream, block, flags)) }

    static func continuation(
        _ stream: UInt32, _ block: HPACKBlock, _ flags: HTTP2Frame.Flags = .endHeaders
    ) -> HTTP2Step { .frame(.continuation(stream, block, flags)) }

    /// A request that is well-formed and has no body.
    static func get(_ stream: UInt32, _ path: String = "/") -> HTTP2Step {
        .headers(stream, HTTP2Case.get(path))
    }

    /// The head of a request whose body follows.
    static func post(_ stream: UInt32, _ more: (String, String)...) -> HTTP2Step {
        .headers(stream, HTTP2Case.post() + more, .endHeaders)
    }

    static func data(_ stream: UInt32, _ text: String, _ flags: HTTP2Frame.Flags = .endStream) -> HTTP2Step {
        .frame(.data(stream, text.latin1, flags))
    }

    static func any(
        _ kind: UInt8, _ flags: HTTP2Frame.Flags = [], _ stream: UInt32 = 0, _ payload: [UInt8] = []
    ) -> HTTP2Step {
        .frame(HTTP2Frame(kind: kind, flags: flags, stream: stream, payload: payload))
    }

    static func settings(_ values: (UInt16, UInt32)...) -> HTTP2Step { .frame(.settings(values)) }
}

/// One row of the conformance table: what a client sends, and what a server may make of it.
struct HTTP2Case: CustomTestStringConvertible, Sendable {
    /// How the connection begins.
    enum Opening: Sendable {
        /// With the preface and empty settings.
        case greeting
        /// With nothing: the steps send the preface, or what stands in its place.
        case nothing
    }

    let section: String
    let name: String
    let steps: [HTTP2Step]
    let accepted: Accepted
    var opening = Opening.greeting
    /// The document says SHOULD: held only where a run is strict.
    var isStrict = false
    /// The connection cannot be asked whether it lives: a header block is open, or there is none.
    var isProbed = true

    var testDescription: String { "§\(section) \(name)" }

    /// What may be seen. Each part that is set is one that is enough.
    struct Accepted: Sendable, CustomStringConvertible {
        /// Codes of RST_STREAM on the stream.
        var resets: Set<UInt32> = []
        /// Codes of GOAWAY with which the connection ends.
        var goAways: Set<UInt32> = []
        /// The connection may end without GOAWAY: RFC 9113 §5.4.1 says SHOULD of that frame, so a lenient
        /// run always lets it be left out where GOAWAY may come.
        var close = false
        var statuses: Set<Int> = []
        /// The stream is answered with a status that is no error.
        var served = false
        /// The connection goes on, as PING tells, and the stream was not reset.
        var alive = false
        /// Nothing may have come on the stream.
        var silent = false
        /// The connection may end without an error behind the answer.
        var mayEnd = false
        /// That which is looked at.
        var stream: UInt32 = 1

        func on(_ stream: UInt32) -> Accepted { with { $0.stream = stream } }

        func or(_ other: Accepted) -> Accepted {
            with {
                $0.resets.formUnion(other.resets)
                $0.goAways.formUnion(other.goAways)
                $0.close = close || other.close
                $0.statuses.formUnion(other.statuses)
                $0.served = served || other.served
                $0.alive = alive || other.alive
                $0.silent = silent || other.silent
                $0.mayEnd = mayEnd || other.mayEnd
            }
        }

        private func with(_ change: (inout Accepted) -> Void) -> Accepted {
            var result = self
            change(&result)
            return result
        }

        /// Whether more must come on the stream before one can judge.
        var needsStream: Bool { !resets.isEmpty || !statuses.isEmpty || served }

        var description: String {
            var parts: [String] = []
            if !resets.isEmpty { parts.append("RST_STREAM \(Self.names(resets)) on \(stream)") }
            if !goAways.isEmpty { parts.append("GOAWAY \(Self.names(goAways))") }
            if close { parts.append("close") }
            if !statuses.isEmpty { parts.append("status \(statuses.sorted()) on \(stream)") }
            if served { parts.append("an answer on \(stream)") }
            if alive { parts.append("the connection going on\(silent ? " without an answer" : "")") }
            return parts.joined(separator: " or ")
        }

        private static func names(_ codes: Set<UInt32>) -> String {
            codes.sorted().map(HTTP2Code.name).joined(separator: "/")
        }

        /// A stream error, which may be treated as one of the connection (RFC 9113 §5.4.2).
        static func stream(_ codes: UInt32...) -> Accepted {
            Accepted(resets: Set(codes), goAways: Set(codes))
        }

        /// A malformed request (RFC 9113 §8.1.1): a stream error, before which an answer may come.
        static let malformed = stream(HTTP2Code.protocolError).or(Accepted(statuses: [400]))

        static func connection(_ codes: UInt32...) -> Accepted { Accepted(goAways: Set(codes)) }

        static func status(_ statuses: Int...) -> Accepted { Accepted(statuses: Set(statuses)) }

        static let alive = Accepted(alive: true)
        /// The connection goes on as if nothing had been sent on the stream.
        static let discarded = Accepted(alive: true, silent: true)
        static let servedLast = Accepted(served: true, mayEnd: true)
        static let served = Accepted(served: true)
        static let closed = Accepted(close: true)
    }

    init(
        _ section: String, _ name: String, _ accepted: Accepted, _ steps: HTTP2Step...,
        opening: Opening = .greeting, strict: Bool = false, probed: Bool = true
    ) {
        self.section = section
        self.name = name
        self.steps = steps
        self.accepted = accepted
        self.opening = opening
        isStrict = strict
        isProbed = probed
    }

    static func get(_ path: String = "/") -> [(String, String)] {
        [(":method", "GET"), (":scheme", "http"), (":path", path), (":authority", "here")]
    }

    static func post(_ path: String = "/") -> [(String, String)] {
        [(":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "here")]
    }

    static let getBlock = HPACKBlock.fields(get())

    /// A GET with a field more that is malformed.
    static func field(_ section: String, _ what: String, _ name: String, _ value: String) -> HTTP2Case {
        HTTP2Case(section, what, .malformed, .headers(1, get() + [(name, value)]))
    }
}
