import Foundation
import Testing

/// Every fault of the table, from the request to whoever asks next.
@Suite(.serialized, .timeLimit(.minutes(20)), FaultHouse()) struct OriginFaultTests {
    @Test func `the table has not become shorter`() {
        #expect(OriginFault.all.count >= 150)
        #expect(Set(OriginFault.all.map(\.name)).count == OriginFault.all.count)
    }

    @Test(arguments: OriginFault.statusLines)
    func `a status line is HTTP/1.x, three digits and text, or there is no answer`(fault: OriginFault) throws
    {
        try check(fault)
    }

    @Test(arguments: OriginFault.fields)
    func `fields are lines of a name, a colon and text within the limits`(fault: OriginFault) throws {
        try check(fault)
    }

    @Test(arguments: OriginFault.lengths)
    func `a length is one number that the body keeps to`(fault: OriginFault) throws { try check(fault) }

    @Test(arguments: OriginFault.codings)
    func `a coding is chunked and nothing else`(fault: OriginFault) throws { try check(fault) }

    @Test(arguments: OriginFault.bodiless)
    func `an answer without a body has none whatever follows it`(fault: OriginFault) throws {
        try check(fault)
    }

    @Test(arguments: OriginFault.chunks)
    func `chunks are sizes, bytes and line ends in their places`(fault: OriginFault) throws {
        try check(fault)
    }

    @Test(arguments: OriginFault.interims)
    func `interim answers are few and interim`(fault: OriginFault) throws { try check(fault) }

    @Test(arguments: OriginFault.connections)
    func `a connection that ends or is never there is no answer`(fault: OriginFault) throws {
        try check(fault)
    }

    @Test(arguments: OriginFault.uploads)
    func `an origin may fail while the request is on its way`(fault: OriginFault) throws { try check(fault) }

    @Test(arguments: OriginFault.timings)
    func `an origin that is slow has its deadlines`(fault: OriginFault) throws { try check(fault) }

    @Test(arguments: OriginFault.surplus)
    func `what nobody asked for goes to nobody`(fault: OriginFault) throws { try check(fault) }

    private func check(_ fault: OriginFault) throws {
        let place = try #require(FaultHouse.place)
        let index = try #require(OriginFault.all.firstIndex { $0.name == fault.name })
        let (gateway, origin) = (place.gateway, place.origins[index])
        if fault.onKept {
            #expect(try gateway.client().ask(get("/f\(index)/before")).text == "before")
        }
        let client = try gateway.client()
        try client.send(fault.request.text("/f\(index)/x"))
        let reading = try AnswerReading(
            from: client.socket, to: fault.request.method, headArrived: { fault.gate?.open() })
        checkAnswer(fault, reading)
        try checkClient(fault, client, reading)
        place.met(index)
        guard let origin else { return }
        try checkOrigin(fault, origin, gateway, path: "/f\(index)")
    }

    private func checkAnswer(_ fault: OriginFault, _ reading: AnswerReading) {
        switch fault.seen {
        case .whole(let text):
            #expect(reading.masked == text)
            #expect(reading.response != nil)
            #expect(reading.end != .reset)
        case .refused(let status, let detail):
            #expect(reading.response?.status == status, "\(reading.masked)")
            // An answer to HEAD has a length and no words.
            if fault.request.method != "HEAD" {
                #expect(reading.response?.problem()["detail"] as? String == detail)
            }
        case .cut(let text):
            #expect(reading.masked == text)
            #expect(reading.response == nil, "what is not whole must not look so")
            #expect(reading.end == .reset)
        }
    }

    /// Kept means that the next request on the connection is answered, and with nothing before its answer.
    private func checkClient(_ fault: OriginFault, _ client: RawClient, _ reading: AnswerReading) throws {
        guard fault.keepsClient else {
            guard reading.end == .open else { return }
            #expect(reading.response?.value("Connection") == "close")
            #expect(try client.readToEnd().isEmpty)
            return
        }
        #expect(reading.end == .open)
        #expect(reading.response?.value("Connection") != "close")
        try client.send([UInt8](repeating: 0x78, count: fault.request.withheld))
        let next = try client.ask(get("/healthz"))
        #expect(next.status == 200)
        #expect(next.text.hasPrefix("{\"ok\":true"))
    }

    /// The next one, another client, gets its own answer, over the same connection only where that is clean.
    private func checkOrigin(
        _ fault: OriginFault, _ origin: ScriptedOrigin, _ gateway: GatewayProcess, path: String
    ) throws {
        if !fault.reuses, fault.sightings < 2 {
            #expect(try origin.end() != .running, "the connection with the fault on it is closed")
        }
        let next = try gateway.client().ask(get("\(path)/again"))
        #expect(next.status == 200)
        #expect(next.text == "again")
        let stuck = origin.connections.filter { if case .failed = $0.end { true } else { false } }
        #expect(stuck.isEmpty, "the script was carried out")
        let targets = origin.connections.map { $0.requests.map(\.target) }
        let before = fault.onKept ? ["\(path)/before"] : []
        let first = before + (fault.sightings > 0 ? ["\(path)/x"] : [])
        let second = (fault.sightings > 1 ? ["\(path)/x"] : []) + ["\(path)/again"]
        #expect(targets == (fault.reuses ? [first + second] : [first, second]))
        for received in origin.requests where received.target == "\(path)/x" {
            #expect(received.masked == fault.request.forwarded("\(path)/x", by: gateway))
        }
    }
}
