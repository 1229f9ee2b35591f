/// What went over the wires of one client's connection and of the servers behind it, read by plain strict
/// readers.
enum WireProperties {
    /// A request as a reader of the wire sees it.
    private struct Request {
        let method: [UInt8]
        let target: [UInt8]
        /// Nil where not all of it is there.
        let body: [UInt8]?
        let isOld: Bool
        let upgrades: Bool
        var id: [UInt8] = []
        var turn = 0

        var query: ArraySlice<UInt8>? { target.firstIndex(of: 0x3F).map { target[($0 + 1)...] } }
    }

    static func check(
        client: VirtualSocket, said: [UInt8], servers: ArraySlice<VirtualSocket>
    ) throws(Violation) {
        let asked = requests(in: said.filter { $0 != 0xFE })
        var forwarded: [Request] = []
        for server in servers { forwarded += try requests(to: server) }
        forwarded.sort { $0.turn < $1.turn }
        try checkForwarded(forwarded, asked)
        // What makes no request may have begun as one for a head alone.
        let mayBeHead = contains(said[...], Array("HEAD".utf8))
        try checkAnswers(client, asked, mayBeHead: mayBeHead)
    }

    // MARK: Requests

    /// The requests that a client has sent, up to where it makes no sense any more.
    private static func requests(in bytes: [UInt8]) -> [Request] {
        var requests: [Request] = []
        var index = 0
        while true {
            var skipped = 0
            while skipped < 2, bytes[index...].starts(with: [0x0D, 0x0A]) {
                index += 2
                skipped += 1
            }
            guard let (request, end) = request(bytes, at: index) else { return requests }
            requests.append(request)
            guard let end else { return requests }
            index = end
        }
    }

    /// The request at `index` and where the next one begins; nil for that where its body is not whole.
    private static func request(_ bytes: [UInt8], at index: Int) -> (Request, next: Int?)? {
        guard let head = ReferenceHead(bytes, from: index, parts: 3) else { return nil }
        let body: (bytes: [UInt8], end: Int)?
        switch head.framing {
        case .none: body = ([], head.end)
        case .length(let length):
            body =
                length <= bytes.count - head.end
                ? (Array(bytes[head.end..<head.end + length]), head.end + length) : nil
        case .chunked:
            let chunks = ReferenceBody(Array(bytes[head.end...]))
            body = chunks.map { ($0.payload, head.end + $0.end) }
        case .broken: return nil
        }
        let request = Request(
            method: Array(head.start[0]), target: Array(head.start[1]), body: body?.bytes,
            isOld: equal(head.start[2], "HTTP/1.0"),
            upgrades: head.elements("connection").contains { equal($0, "upgrade") },
            id: head.first("x-request-id").map(Array.init) ?? [])
        return (request, body?.end)
    }

    /// The requests that a server has got. Bytes behind an upgrade belong to another protocol.
    private static func requests(to server: VirtualSocket) throws(Violation) -> [Request] {
        var requests: [Request] = []
        var index = 0
        let bytes = server.received
        while index < bytes.count {
            guard let (found, next) = request(bytes, at: index) else {
                // A head that is cut off is the end of a connection that was given up.
                try hold(
                    !contains(bytes[index...], Array("\r\n\r\n".utf8)),
                    "a server got what is no request: \(shown(bytes[index...]))")
                return requests
            }
            var request = found
            request.turn = server.departures.last { $0.place <= index }?.turn ?? 0
            try hold(!request.id.isEmpty, "a request without X-Request-Id was forwarded")
            requests.append(request)
            guard let next, !request.upgrades else { return requests }
            index = next
        }
        return requests
    }

    /// Each forwarded request is one that the client has sent, in its order; a repeated one has the same id.
    private static func checkForwarded(_ forwarded: [Request], _ asked: [Request]) throws(Violation) {
        var next = 0
        var seen: [[UInt8]: Int] = [:]
        for request in forwarded {
            if let index = seen[request.id] {
                try hold(
                    asked[index].method == request.method && asked[index].query == request.query,
                    "another request was sent under the same id")
                continue
            }
            while next < asked.count, !isSame(request, asked[next]) { next += 1 }
            try hold(
                next < asked.count,
                "a server got \(shown(request.method)) \(shown(request.target)), "
                    + "body \(request.body.map { shown($0) } ?? "cut off"), which nobody sent")
            seen[request.id] = next
            next += 1
        }
    }

    private static func isSame(_ forwarded: Request, _ asked: Request) -> Bool {
        guard forwarded.method == asked.method, forwarded.query == asked.query else { return false }
        // What was cut off on its way can only be a beginning.
        guard let body = forwarded.body else { return true }
        return body == asked.body
    }

    // MARK: Answers

    private static func checkAnswers(
        _ client: VirtualSocket, _ asked: [Request], mayBeHead: Bool
    ) throws(Violation) {
        let bytes = client.received
        var index = 0
        var answers = 0
        while index < bytes.count {
            guard let head = ReferenceHead(bytes, from: index, parts: 2),
                let status = decimal(head.start[1].prefix(3))
            else {
                let rest = bytes[index...]
                try hold(!contains(rest, Array("\r\n\r\n".utf8)), "no answer: \(shown(rest))")
                return try checkCutOff(client)
            }
            index = head.end
            let request = answers < asked.count ? asked[answers] : nil
            if status == 101 {
                return try hold(request?.upgrades == true, "a switch that nobody asked for")
            }
            if status < 200 {
                try hold(request != nil && request?.isOld == false, "an interim answer to nobody")
                continue
            }
            answers += 1
            // What makes no sense gets one answer, and the connection ends.
            try hold(answers <= asked.count + 1, "\(answers) answers to \(asked.count) requests")
            if request == nil { try hold(status >= 400, "a good answer to a request that is none") }
            let closes = head.elements("connection").contains { equal($0, "close") }
            try hold(!closes || client.isClosed, "an answer says close, and the connection is open")
            guard let end = try endOfBody(head, status, request, bytes, mayBeHead: mayBeHead) else {
                return try checkCutOff(client)
            }
            index = end
            if closes { try hold(index == bytes.count, "bytes behind the last answer") }
        }
    }

    /// Where an answer's body ends; nil where it is cut off.
    private static func endOfBody(
        _ head: ReferenceHead, _ status: Int, _ request: Request?, _ bytes: [UInt8], mayBeHead: Bool
    ) throws(Violation) -> Int? {
        try hold(head.framing != .broken, "an answer with two framings")
        if status == 204 || status == 304 { return head.end }
        if request.map({ equal($0.method, "HEAD") }) ?? mayBeHead {
            // Where no request was understood, either reading of its method is right.
            return request == nil && head.framing == .length(bytes.count - head.end) ? bytes.count : head.end
        }
        switch head.framing {
        case .length(let length): return length <= bytes.count - head.end ? head.end + length : nil
        case .chunked:
            try hold(request?.isOld != true, "chunks for HTTP/1.0")
            return ReferenceBody(Array(bytes[head.end...])).map { head.end + $0.end }
        case .none:
            if head.count("content-length") > 0 { return head.end }
            try hold(request?.isOld == true, "an answer without an end")
            return bytes.count
        case .broken: return nil
        }
    }

    /// An answer that is not whole must not look so: its connection is reset.
    private static func checkCutOff(_ client: VirtualSocket) throws(Violation) {
        try hold(
            client.isAborted || client.hasLeft, "an answer was cut off, and the connection ended properly")
    }

    private static func contains(_ bytes: ArraySlice<UInt8>, _ part: [UInt8]) -> Bool {
        guard bytes.count >= part.count else { return false }
        return (bytes.startIndex...(bytes.endIndex - part.count)).contains { bytes[$0...].starts(with: part) }
    }
}
