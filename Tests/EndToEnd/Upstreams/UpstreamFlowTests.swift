import Foundation
import Testing

/// Flow control before servers of HTTP/2: windows open as fast as the other side reads, and no faster.
@Suite(.timeLimit(.minutes(20))) struct UpstreamFlowTests {
    private static let size = 8 << 20
    /// What stands in sockets and windows between an origin and a client that does not read.
    private static let most = 5 << 20

    @Test func `a large answer arrives whole over either version`() throws {
        try withHTTP2Origin { gateway, origin in
            let old = try gateway.sending(get("/"))
            let server = try origin.accept()
            let first = try server.request().stream
            try server.head(first, 200, [("content-length", "\(Self.size)")])
            let sender = Sending { try server.sendPattern(Self.size, on: first) }
            let response = try old.response()
            #expect(try sender.result() == Self.size)
            #expect(response.body.count == Self.size)
            #expect(Pattern.holds(response.body))
            #expect(server.violations.isEmpty)
        }
    }

    @Test func `a large answer crosses from HTTP/2 to HTTP/2`() throws {
        try withHTTP2Origin { gateway, origin in
            let client = try gateway.http2()
            try client.request(1)
            let server = try origin.accept()
            let stream = try server.request().stream
            try server.head(stream)
            let sender = Sending { try server.sendPattern(Self.size, on: stream) }
            var granted = HTTP2Client.defaultWindow
            while granted < Self.size {
                try client.wait(for: "\(granted) bytes") { client.answer(sofar: 1).body.count == granted }
                let more = min(HTTP2Client.defaultWindow, Self.size - granted)
                try client.grant(0, more)
                try client.grant(1, more)
                granted += more
            }
            let answer = try client.answer(1)
            #expect(try sender.result() == Self.size)
            #expect(answer.body.count == Self.size && Pattern.holds(answer.body))
            #expect(client.violations.isEmpty && server.violations.isEmpty)
        }
    }

    @Test func `a client that does not read stops its server`() throws {
        try withHTTP2Origin { gateway, origin in
            let client = try gateway.sending(get("/"), receiveBuffer: 4096)
            let server = try origin.accept()
            let stream = try server.request().stream
            try server.head(stream, 200, [("content-length", "\(Self.size)")])
            let sent = try server.sendPattern(
                Self.size, on: stream, stallingAfter: .milliseconds(300))
            #expect(sent < Self.most)
            let buffers = try #require(try gateway.metric("floodgate_buffer_bytes"))
            #expect(buffers < 1 << 20)
            let sender = Sending { try server.sendPattern(Self.size, from: sent, on: stream) }
            let response = try client.response()
            #expect(try sender.result() == Self.size)
            #expect(response.body.count == Self.size && Pattern.holds(response.body))
        }
    }

    @Test func `clients that do not read cost no other its answer`() throws {
        try withHTTP2Origin { gateway, origin in
            var stuck: [RawClient] = []
            var server: HTTP2OriginConnection?
            for _ in 0..<24 {
                stuck.append(try gateway.sending(get("/"), receiveBuffer: 4096))
                let connection = try server ?? origin.accept()
                server = connection
                let stream = try connection.request().stream
                try connection.head(stream)
                let sent = try connection.sendPattern(
                    Self.size, on: stream, stallingAfter: .milliseconds(30))
                #expect(sent < Self.size)
            }
            let connection = try #require(server)
            let client = try gateway.sending(get("/quick"))
            let stream = try connection.request().stream
            try connection.head(stream, 200, [("content-length", "1000000")])
            let sender = Sending { try connection.sendPattern(1_000_000, on: stream) }
            #expect(try client.response().body.count == 1_000_000)
            #expect(try sender.result() == 1_000_000)
            for client in stuck { client.close() }
        }
    }

    @Test func `a large upload arrives whole from either version`() throws {
        try withHTTP2Origin { gateway, origin in
            let old = try gateway.sending(
                "POST / HTTP/1.1\r\nHost: here\r\nContent-Length: \(Self.size)\r\n\r\n")
            let sender = Sending {
                try old.socket.sendPattern(Self.size, within: .seconds(10))
                return Self.size
            }
            let server = try origin.accept()
            let first = try server.whole(try server.request().stream)
            #expect(try sender.result() == Self.size)
            #expect(first.value("content-length") == "\(Self.size)")
            #expect(first.body.count == Self.size && Pattern.holds(first.body))
            try server.answer(first.stream)
            #expect(try old.response().status == 200)

            let new = try gateway.http2()
            try new.request(1, "POST", "/", [], .endHeaders)
            let sending = Sending { try new.sendPattern(Self.size, on: 1) }
            let second = try server.whole(try server.request().stream)
            #expect(try sending.result() == Self.size)
            #expect(second.body.count == Self.size && Pattern.holds(second.body))
            try server.answer(second.stream)
            #expect(try new.answer(1).status == 200)
            #expect(new.violations.isEmpty && server.violations.isEmpty)
        }
    }

    @Test func `a server that grants nothing stops its client`() throws {
        try withHTTP2Origin { gateway, origin in
            let client = try gateway.http2()
            try client.request(1, "POST", "/", [], .endHeaders)
            let server = try origin.accept(grants: false)
            let stream = try server.request().stream
            let sent = try client.sendPattern(Self.size, on: 1, stallingAfter: .milliseconds(300))
            #expect(sent < 1 << 20)
            try server.settle()
            #expect(server.requests[stream]?.body.count == HTTP2Client.defaultWindow)
            // The rest as it is granted.
            server.grants = true
            let window = UInt32(HTTP2Client.defaultWindow)
            try server.send(.window(0, window), .window(stream, window))
            let sender = Sending { try client.sendPattern(Self.size, from: sent, on: 1) }
            let whole = try server.whole(stream)
            #expect(try sender.result() == Self.size)
            #expect(whole.body.count == Self.size && Pattern.holds(whole.body))
            #expect(server.violations.isEmpty && client.violations.isEmpty)
        }
    }

    @Test func `windows that settings change hold from then on`() throws {
        try withHTTP2Origin { gateway, origin in
            let client = try gateway.sending(
                "POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 3000\r\n\r\n"
                    + String(repeating: "x", count: 3000))
            let server = try origin.accept([(HTTP2Setting.window, 1000)], grants: false)
            let stream = try server.request().stream
            func expect(_ count: Int, sourceLocation: SourceLocation = #_sourceLocation) throws {
                try server.wait(for: "\(count) bytes") { server.requests[stream]?.body.count ?? 0 >= count }
                try server.settle()
                #expect(server.requests[stream]?.body.count == count, sourceLocation: sourceLocation)
            }
            try expect(1000)
            try server.changeWindow(to: 500)
            try expect(1000)
            // The window is no more than empty.
            try server.send(.window(stream, 500))
            try expect(1000)
            try server.send(.window(stream, 1))
            try expect(1001)
            try server.changeWindow(to: 3000)
            #expect(try server.whole(stream).body.count == 3000)
            try server.answer(stream)
            #expect(try client.response().status == 200)
            #expect(server.violations.isEmpty)
        }
    }

    @Test func `a server that ends a stream early takes no other stream's bytes with it`() throws {
        try withHTTP2Origin { gateway, origin in
            // Answered in full before its body has come, and not read yet.
            let early = try gateway.sending(
                "POST /early HTTP/1.1\r\nHost: here\r\nContent-Length: 100000\r\n\r\n", receiveBuffer: 4096)
            let server = try origin.accept()
            let first = try server.request().stream
            try server.head(first)
            let sent = try server.sendPattern(
                Self.size, on: first, ends: false, stallingAfter: .milliseconds(300))
            try server.send(.data(first, [], .endStream), .reset(first, HTTP2Code.none))
            try server.settle()

            let other = try gateway.sending("POST /other HTTP/1.1\r\nHost: here\r\nContent-Length: 4\r\n\r\n")
            let second = try server.request().stream
            try early.send(String(repeating: "x", count: 5000))
            try server.settle()
            try other.send("body")
            #expect(try server.whole(second).text == "body")
            try server.answer(second)
            #expect(try other.response().status == 200)
            let response = try early.response()
            #expect(response.body.count == sent && Pattern.holds(response.body))
            #expect(server.violations.isEmpty)
        }
    }
}

/// Something that goes on beside the test, and what came of it.
final class Sending<Value: Sendable>: @unchecked Sendable {
    // Unchecked: what changes is behind `lock`.
    private let lock = NSLock()
    private var outcome: Result<Value, any Error>?

    init(_ work: @escaping () throws -> Value) {
        nonisolated(unsafe) let work = work
        Thread.detachNewThread {
            let outcome = Result { try work() }
            self.lock.withLock { self.outcome = outcome }
        }
    }

    /// Waits for its end.
    func result() throws -> Value {
        try eventually("the end of what goes on beside", within: .seconds(30)) {
            lock.withLock { outcome }
        }.get()
    }
}
