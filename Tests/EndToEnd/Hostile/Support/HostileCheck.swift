import Foundation
import Testing

/// How a case's bytes reach the gateway. What becomes of them is the same.
enum Delivery: CaseIterable, Sendable {
    case whole
    /// In packets of a few bytes each.
    case dripped
}

extension HostileCase {
    /// Sends the case's bytes and checks what came of them, here and at the origin; a well-behaved client
    /// beside it must not notice.
    func check(_ delivery: Delivery) throws {
        let place = try #require(HostileRoom.place)
        let mark = place.mark()
        let beside = try place.gateway.client()
        let client = try place.gateway.client()
        defer {
            beside.close()
            client.close()
        }
        switch fate {
        case .refused(let refusal):
            try check(refusal, client, mark, place, delivery)
        case .forwarded(let seen):
            try check(seen, client, mark, place, delivery) { try after(client, mark, place) }
        case .dropped:
            place.noteDropped(mark, name, targets: targets(mark))
            client.deliver(bytes(mark: mark), delivery)
            #expect(throws: SocketError.reset, "no answer") { try client.readToEnd() }
        case .forwardedLast(let seen):
            try check([seen], client, mark, place, delivery, behind: get("/MARK/smuggled")) {
                try expectEnd(of: client)
            }
        case .forwardedThen(let seen, let refusal):
            try check([seen], client, mark, place, delivery, behind: get("/MARK/smuggled")) {
                try expect(refusal, client, place, method: refusal.method)
            }
        }
        let response = try beside.ask(place.preface + get("/\(mark)/beside"))
        #expect(response.text == "ok", "a client beside it is served as ever")
        place.note(response, "beside \(name)", outcome: "ok", method: "GET")
        let own = place.origin.requests(mark).map(\.target)
        #expect(own == targets(mark), "the origin sees what was sent and nothing else")
    }

    private func check(
        _ refusal: Refusal, _ client: RawClient, _ mark: String, _ place: HostilePlace, _ delivery: Delivery
    ) throws {
        place.note(mark, name, targets: targets(mark), begun: refusal.begun)
        // Behind it stands what an attacker would want to be taken for a request.
        let smuggled = refusal.persists ? "" : get("/\(mark)/smuggled")
        client.deliver(bytes(mark: mark) + smuggled.latin1, delivery)
        // What drips may be refused before its method has come.
        let isSeen = delivery == .whole || text.first?.isNewline != true
        try expect(refusal, client, place, method: isSeen ? method : nil)
        if refusal.persists { try after(client, mark, place) }
    }

    /// One readable answer, and what it says about the connection.
    private func expect(_ refusal: Refusal, _ client: RawClient, _ place: HostilePlace, method: String?)
        throws
    {
        let response = try client.response(to: method ?? "GET")
        #expect(response.status == refusal.status)
        if method != "HEAD", refusal.isProblem { _ = response.problem() }
        place.note(response, name, outcome: refusal.outcome, method: method, fault: refusal.kind)
        #expect(response.value("Connection") == (refusal.persists ? nil : "close"))
        if !refusal.persists { try expectEnd(of: client) }
    }

    /// Nothing more comes, and the connection ends in an orderly way.
    private func expectEnd(of client: RawClient) throws {
        let rest = try client.readToEnd()
        #expect(rest.isEmpty, "one answer, and an orderly end")
    }

    private func check(
        _ seen: [Seen], _ client: RawClient, _ mark: String, _ place: HostilePlace, _ delivery: Delivery,
        behind rest: String = "", end: () throws -> Void
    ) throws {
        place.note(mark, name, targets: targets(mark), begun: nil)
        client.deliver(bytes(mark: mark) + rest.marked(mark).latin1, delivery)
        for request in seen {
            let method = String(request.line.prefix { $0 != " " })
            let response = try client.response(to: method)
            #expect(response.status == 200)
            #expect(response.text == (method == "HEAD" ? "" : "ok"))
            place.note(response, name, outcome: "ok", method: method)
        }
        try end()
        for (request, expected) in zip(place.origin.requests(mark), seen) {
            compare(request, expected, mark, place, delivery)
        }
    }

    /// A client that goes on is served as ever.
    private func after(_ client: RawClient, _ mark: String, _ place: HostilePlace) throws {
        let response = try client.ask(get("/\(mark)/after"))
        #expect(response.text == "ok", "the connection goes on")
        place.note(response, "after \(name)", outcome: "ok", method: "GET")
    }

    /// Every byte. Of chunks that were dripped, it is not certain how many arrive together.
    private func compare(
        _ request: RawRequest, _ seen: Seen, _ mark: String, _ place: HostilePlace, _ delivery: Delivery
    ) {
        let masked = request.masked(keeping: seen)
        let head = seen.head(mark: mark, port: place.gateway.ports.gateway)
        if seen.isChunked, delivery == .dripped {
            #expect(String(latin1: masked.prefix(head.count)) == String(latin1: head))
            #expect(request.body == seen.payload.marked(mark).latin1)
            let end = "0\r\n" + seen.trailers.map { $0 + "\r\n" }.joined() + "\r\n"
            #expect(String(latin1: masked.suffix(end.latin1.count)) == end)
        } else {
            #expect(String(latin1: masked) == String(latin1: head + seen.body(mark: mark)))
        }
    }

    /// What the origin must see with a mark, in this order.
    private func targets(_ mark: String) -> [String] {
        let own: [String] =
            switch fate {
            case .dropped: []
            case .refused(let refusal): refusal.persists ? ["/MARK/after"] : []
            case .forwarded(let seen): seen.map(\.target) + ["/MARK/after"]
            case .forwardedLast(let seen), .forwardedThen(let seen, _): [seen.target]
            }
        return (own + ["/MARK/beside"]).map { $0.marked(mark) }
    }

    /// The method, where one can be read.
    private var method: String? {
        let start = text.drop { $0 == "\r\n" || $0 == "\r" || $0 == "\n" }
        return start.prefixMatch(of: #/([!#$%&'*+\-.^_`|~0-9A-Za-z]{1,32}) /#).map { String($0.1) }
    }
}

extension Seen {
    fileprivate var target: String { String(line.split(separator: " ")[1]) }
}

extension RawClient {
    /// Sends what the gateway takes: it may answer and close before it has seen all.
    func deliver(_ bytes: [UInt8], _ delivery: Delivery) {
        switch delivery {
        case .whole: try? send(bytes)
        case .dripped:
            let step = max(1, bytes.count / 400)
            for start in stride(from: 0, to: bytes.count, by: step) {
                guard (try? send(Array(bytes[start..<min(start + step, bytes.count)]))) != nil else { return }
            }
        }
    }
}
