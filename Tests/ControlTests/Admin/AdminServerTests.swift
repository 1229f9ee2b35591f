import Addressing
import Control
import Foundation
import Reactor
import Testing
import Time

@Suite struct AdminServerTests {
    /// Limits that are reached soon.
    private static func impatient() -> AdminLimits {
        var limits = AdminLimits()
        limits.request = .milliseconds(150)
        limits.answer = .milliseconds(150)
        return limits
    }

    // MARK: Requests

    @Test func `a request is handed over with its query decoded`() throws {
        let server = try AdminTestServer { request in
            .text("\(request.path)|" + request.query.map { "\($0.0)=\($0.1)" }.joined(separator: "|"))
        }
        #expect(server.get("/a/b?x=1&y=a%20b+c&&z&%zz=%4&w=a=b")?.body == "/a/b|x=1|y=a b c|z=|%zz=%4|w=a=b")
    }

    @Test func `a request that arrives byte by byte is read whole`() throws {
        let server = try AdminTestServer()
        let client = server.connect()
        for byte in "POST /p HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc".utf8 {
            client.send([byte])
        }
        #expect(client.receiveAnswer()?.body == "post /p [] 3")
    }

    @Test func `HEAD gets the head alone, of refusals too`() throws {
        let server = try AdminTestServer()
        let answer = try #require(server.ask("HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n"))
        #expect(answer.status == 200)
        #expect(answer.body == "" && answer.field("Content-Length") != "0")
        #expect(server.ask("HEAD / HTTP/1.1\r\nHost: evil\r\n\r\n")?.body == "")
    }

    @Test func `a body is taken up to its limit`() throws {
        let server = try AdminTestServer()
        #expect(server.post(body: String(repeating: "x", count: 65_536))?.body == "post / [] 65536")
        #expect(server.post(body: String(repeating: "x", count: 65_537))?.status == 413)
        #expect(
            server.ask("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 999999999999999999\r\n\r\n")?
                .status == 413)
        #expect(server.handled.value == 1)
    }

    @Test func `a chunked body is refused, for its length is not known`() throws {
        let server = try AdminTestServer()
        let answer = try #require(
            server.ask("POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"))
        #expect(answer.status == 411)
        #expect(answer.head.hasPrefix("HTTP/1.1 411 Length Required"))
    }

    @Test func `a client that waits for leave to send its body gets it`() throws {
        let server = try AdminTestServer()
        let client = server.connect()
        client.send("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
        let invitation = client.receiveAll(limit: 25).bytes
        #expect(String(decoding: invitation, as: UTF8.self) == "HTTP/1.1 100 Continue\r\n\r\n")
        client.send("ok")
        #expect(client.receiveAnswer()?.body == "post / [] 2")
    }

    @Test func `a refusal is whole although the client still sends`() throws {
        let server = try AdminTestServer()
        let client = server.connect()
        client.send("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 200000\r\n\r\n")
        client.send([UInt8](repeating: 0x78, count: 200_000))
        let (bytes, ending) = client.receiveAll()
        #expect(AdminAnswer(bytes)?.json?["status"] as? Int == 413)
        #expect(ending == .closed)
    }

    // MARK: Hostile bytes

    @Test(arguments: [
        ("\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}\u{0}\r\n", 400), ("GET / HTTP/1.1\nHost: localhost\n\n", 400),
        ("GET / HTTP/2.0\r\nHost: localhost\r\n\r\n", 505), ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
        ("CONNECT localhost:1 HTTP/1.1\r\nHost: localhost\r\n\r\n", 501),
        ("GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1,1\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: localhost\r\nX: a\u{0}b\r\n\r\n", 400),
        ("\r\n\r\n\r\n\r\nGET / HTTP/1.1\r\n\r\n", 400),
    ])
    func `what is not HTTP gets a readable refusal`(bytes: String, status: Int) throws {
        let server = try AdminTestServer()
        let answer = try #require(server.ask(bytes))
        #expect(answer.status == status)
        #expect(answer.json?["detail"] is String)
        #expect(server.handled.value == 0)
    }

    @Test func `a head that is too large is refused`() throws {
        let server = try AdminTestServer()
        let field = "X: " + String(repeating: "y", count: 20_000) + "\r\n"
        #expect(server.get("/", field)?.status == 431)
        #expect(server.get("/" + String(repeating: "p", count: 9000))?.status == 414)
        #expect(server.get("/", (0..<200).map { "X-\($0): y\r\n" }.joined())?.status == 431)
        // Not even ended: nothing is waited for.
        #expect(server.ask("GET / HTTP/1.1\r\nX: " + String(repeating: "y", count: 16_384))?.status == 431)
        #expect(server.handled.value == 0)
    }

    @Test(arguments: ["\u{0}\u{1}garbage", "GET /second HTTP/1.1\r\nHost: localhost\r\n\r\n"])
    func `what follows a request is no request`(tail: String) throws {
        let server = try AdminTestServer()
        let client = server.connect()
        client.send("POST /first HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nok" + tail)
        let text = String(decoding: client.receiveAll().bytes, as: UTF8.self)
        #expect(text.components(separatedBy: "HTTP/1.1 ").count == 2)
        #expect(text.contains("post /first [] 2"))
        #expect(server.handled.value == 1)
    }

    @Test func `a request that ends too early is refused, a silent end is not answered`() throws {
        let server = try AdminTestServer()
        for partial in ["GET / HT", "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nab"] {
            let client = server.connect()
            client.send(partial)
            client.finishSending()
            #expect(client.receiveAnswer()?.status == 400)
        }
        let silent = server.connect()
        silent.finishSending()
        let (bytes, ending) = silent.receiveAll()
        #expect(bytes.isEmpty && ending == .closed)
        #expect(server.handled.value == 0)
    }

    // MARK: Slow clients

    @Test(arguments: ["GET / HT", "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nab"])
    func `a request that does not get done is told so`(partial: String) throws {
        let server = try AdminTestServer(limits: Self.impatient())
        let client = server.connect()
        client.send(partial)
        #expect(client.receiveAnswer()?.status == 408)
        #expect(server.handled.value == 0)
    }

    @Test func `a client that says nothing is closed`() throws {
        let server = try AdminTestServer(limits: Self.impatient())
        let (bytes, ending) = server.connect().receiveAll()
        #expect(bytes.isEmpty && ending == .closed)
    }

    @Test func `dripping does not buy time`() throws {
        let server = try AdminTestServer(limits: Self.impatient())
        let client = server.connect()
        let start = SystemClock.now()
        client.send("GET / HTTP/1.1\r\nX: ")
        while SystemClock.now() - start < Duration.seconds(5).nanoseconds {
            guard client.send("y") else { break }
            var entry = pollfd(fd: client.descriptor, events: Int16(POLLIN), revents: 0)
            if poll(&entry, 1, 5) > 0 { break }
        }
        #expect(SystemClock.now() - start < Duration.seconds(4).nanoseconds)
        #expect(client.receiveAnswer()?.status == 408)
    }

    @Test func `who does not take the answer is cut off, and others are served meanwhile`() throws {
        let size = 32 << 20
        let server = try AdminTestServer(limits: Self.impatient()) { request in
            request.path == "/large"
                ? AdminResponse(contentType: "text/plain", body: [UInt8](repeating: 0x78, count: size))
                : .text("small")
        }
        let slow = server.connect(receiveBuffer: 4096)
        slow.send("GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n")
        #expect(eventually { server.handled.value == 1 })
        #expect(server.get("/small")?.body == "small")
        // The reset takes away what was not read.
        var entry = pollfd(fd: slow.descriptor, events: 0, revents: 0)
        #expect(poll(&entry, 1, 5000) == 1 && entry.revents & Int16(POLLERR | POLLHUP) != 0)
        #expect(slow.receiveAll().bytes.count < size)
    }

    @Test func `a large answer reaches who takes it`() throws {
        let size = 8 << 20
        let server = try AdminTestServer { _ in
            AdminResponse(contentType: "text/plain", body: [UInt8](repeating: 0x78, count: size))
        }
        #expect(server.get()?.body.utf8.count == size)
    }

    // MARK: Many clients

    @Test func `where all places are taken, who has waited longest with nothing to ask makes room`() throws {
        var limits = AdminLimits()
        limits.connections = 4
        let server = try AdminTestServer(limits: limits)
        let first = server.connect()
        first.send("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
        // Invited, so it has its place before the others come.
        #expect(first.receiveAll(limit: 25).bytes.count == 25)
        let others = (0..<3).map { _ in server.connect() }
        // Keeps its place after its answer, until it closes.
        let visitor = server.connect()
        visitor.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        #expect(visitor.receiveAnswer()?.status == 200)
        let (bytes, ending) = first.receiveAll()
        #expect(bytes.isEmpty && ending != .timedOut)
        for other in others {
            other.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            #expect(other.receiveAnswer()?.status == 200)
        }
        #expect(server.log.read().contains("admin connections at their limit"))
    }

    @Test func `where all places are being answered, a new client waits for one and gets it`() throws {
        var limits = Self.impatient()
        limits.connections = 1
        let server = try AdminTestServer(limits: limits) { request in
            let size = request.path == "/large" ? 32 << 20 : 5
            return AdminResponse(contentType: "text/plain", body: [UInt8](repeating: 0x78, count: size))
        }
        let slow = server.connect(receiveBuffer: 4096)
        slow.send("GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n")
        #expect(eventually { server.handled.value == 1 })
        #expect(server.get("/small")?.body == "xxxxx")
        #expect(server.log.read().contains("all are being answered"))
    }

    @Test func `hundreds of silent clients do not keep an operator out`() throws {
        let server = try AdminTestServer()
        let silent = (0..<300).map { _ in server.connect() }
        for _ in 0..<10 { #expect(server.get()?.status == 200) }
        _ = silent
    }

    @Test func `a client that leaves in the middle harms nobody`() throws {
        let server = try AdminTestServer()
        for _ in 0..<100 {
            let client = server.connect()
            client.send("GET / HTTP/1.1\r\nHost")
            client.close()
        }
        #expect(server.get()?.status == 200)
    }

    // MARK: Life

    @Test func `told to stop, it closes what is open and gives its port back`() throws {
        let server = try AdminTestServer()
        let client = server.connect()
        server.server.stop()
        #expect(eventually { server.server.isStopped })
        #expect(client.receiveAll().ending != .timedOut)
        #expect(!server.connect().isConnected)
        let again = try AdminTestServer(address: server.address)
        #expect(again.get()?.status == 200)
    }

    @Test func `a port in use is said to be`() throws {
        let server = try AdminTestServer()
        let error = #expect(throws: SystemError.self) { try AdminTestServer(address: server.address) }
        #expect(error?.code == EADDRINUSE)
        #expect("\(try #require(error))" == "bind: Address already in use")
        #expect(server.get()?.status == 200)
    }

    @Test func `several addresses are served alike`() throws {
        let path = "/tmp/floodgate-admin-\(UUID().uuidString).sock"
        defer { unlink(path) }
        let server = try AdminServer(
            addresses: [.ip(.loopback, port: 0), .unix(path: path)], token: nil, events: silentEvents()
        ) { _ in .text("here") }
        defer { server.stop() }
        for address in server.addresses {
            let client = AdminTestClient(address)
            client.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            #expect(client.receiveAnswer()?.body == "here")
        }
    }
}
