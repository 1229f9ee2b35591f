import Foundation
import Testing

/// One gateway and one origin for all cases of a suite; what they do is checked case by case.
struct SizeStage: SuiteTrait, TestScoping {
    final class Place: Sendable {
        let origin: ScriptedOrigin
        let gateway: GatewayProcess

        init() throws {
            let origin = try ScriptedOrigin.answering(body: "ok")
            self.origin = origin
            gateway = try GatewayProcess(
                before: origin, clients: "max_body: 100KiB, head_timeout: 5s")
        }
    }

    @TaskLocal static var place: Place?

    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        let place = try Place()
        defer { place.origin.stop() }
        try await SizeStage.$place.withValue(place) { try await function() }
    }
}

/// Sizes at which requests are refused, and those that only just fit (security.md 3, 9, 14).
@Suite(.serialized, .timeLimit(.minutes(20)), SizeStage()) struct RequestSizeTests {
    @Test func `a body beyond the limit is refused by its length, unread`() throws {
        let place = try #require(SizeStage.place)
        let before = place.origin.requests.count
        let client = try place.gateway.client()
        try client.send(request("POST / HTTP/1.1", ["Content-Length: \(101 << 10)"]))
        let response = try client.response()
        #expect(response.status == 413)
        #expect(response.value("Connection") == "close")
        _ = response.problem()
        #expect(try client.readToEnd().isEmpty)
        #expect(place.origin.requests.count == before)
    }

    @Test
    func `a chunked body beyond the limit is refused where it passes it, and the origin gets no request`()
        throws
    {
        let place = try #require(SizeStage.place)
        let before = place.origin.requests.count
        let client = try place.gateway.client()
        try client.send(request("POST / HTTP/1.1", ["Transfer-Encoding: chunked"]))
        let chunk = "2800\r\n" + String(repeating: "x", count: 10240) + "\r\n"
        for _ in 0..<11 { try? client.send(chunk) }
        let response = try client.response()
        #expect(response.status == 413)
        #expect(response.value("Connection") == "close")
        _ = response.problem()
        #expect(try place.gateway.client().ask(get("/probe")).text == "ok")
        #expect(place.origin.requests.dropFirst(before).map(\.target) == ["/probe"])
    }

    /// The request before it brings the body along in the same packet, so that it waits in the queue.
    @Test(arguments: [0, 200])
    func `no part of a body that is refused for its length is read as a request`(ahead: Int) throws {
        let origin = try ScriptedOrigin.answering(body: "ok")
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin, route: "max_body: 100")
        let client = try gateway.client()
        let smuggled = get("/smuggled") + String(repeating: "x", count: ahead)
        let body = String(repeating: "x", count: ahead) + smuggled + String(repeating: "y", count: 100)
        let chunk = "\(String(body.utf8.count, radix: 16))\r\n\(body)\r\n0\r\n\r\n"
        try client.send(
            get("/first") + request("POST /second HTTP/1.1", ["Transfer-Encoding: chunked"]) + chunk
                + get("/third"))
        #expect(try client.response().status == 200)
        let refused = try client.response()
        #expect(refused.status == 413)
        #expect(refused.value("Connection") == "close")
        #expect(try client.readToEnd().isEmpty)
        #expect(origin.requests.map(\.target).filter { $0 != "/second" } == ["/first"])
    }

    @Test(arguments: [1, 100, 1300, 2700, 4000, 5400, 8000])
    func `a path that grows where it is escaped is served whatever its length`(count: Int) throws {
        let place = try #require(SizeStage.place)
        let client = try place.gateway.client()
        #expect(try client.ask(get("/" + String(repeating: "|", count: count))).text == "ok")
        #expect(place.origin.requests.last?.target == "/" + String(repeating: "%7C", count: count))
    }

    @Test(arguments: 4088...4100)
    func `a target without a path finds room for its slash whatever the head's length`(length: Int) throws {
        let place = try #require(SizeStage.place)
        let start = "GET http://here HTTP/1.1\r\nHost: here\r\nX: "
        let filler = String(repeating: "x", count: length - start.utf8.count - 4)
        #expect(try place.gateway.client().ask("\(start)\(filler)\r\n\r\n").text == "ok")
        #expect(place.origin.requests.last?.target == "/")
    }
}
