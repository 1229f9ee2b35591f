import Foundation
import Testing

/// Keys that an issuer publishes at a URL (R11).
@Suite struct KeySetTests {
    @Test func `a gateway starts without its keys, says so with 503, and serves once they are there`() throws
    {
        let port = try Loopback.freePorts(1)[0]
        let origin = try ScriptedOrigin.answering(body: "answered")
        let gateway = try GatewayProcess(keysAt: port, before: origin)
        let key = PublishedKey("one")
        let token = key.token(subject: "u1")
        #expect(try gateway.status(bearing: token) == 503)
        #expect(try gateway.metric(#"floodgate_jwks_state{source="users",state="never"}"#) == 1)
        #expect(origin.requests.isEmpty)

        let issuer = try ScriptedOrigin(
            port: port, scripts: [[.forever([.expectRequest, .respond(body: PublishedKey.set(key))])]])
        try eventually("the keys to be found", holds: { try gateway.status(bearing: token) == 200 })
        let asked = try issuer.requests(1)[0]
        #expect(asked.target == "/jwks.json?secret=s3cret")
        #expect(asked.value("Accept-Encoding") == "identity")
        #expect(try gateway.metric(#"floodgate_jwks_keys{source="users"}"#) == 1)
        let errors = gateway.standardError
        #expect(errors.contains("no key set, tokens of this issuer are answered with 503"))
        #expect(errors.contains("key set loaded"))
        #expect(!errors.contains("s3cret"))
        #expect(!(try gateway.adminPage("/status")).contains("s3cret"))
    }

    @Test func `a token of a rotated key is accepted at once, and strangers cost one fetch`() throws {
        let (old, new, stranger) = (PublishedKey("old"), PublishedKey("new"), PublishedKey("stranger"))
        let origin = try ScriptedOrigin.answering(body: "answered")
        let issuer = try ScriptedOrigin(scripts: [
            [
                .expectRequest, .respond(body: PublishedKey.set(old)),
                .forever([.expectRequest, .respond(body: PublishedKey.set(old, new))]),
            ]
        ])
        let gateway = try GatewayProcess(keysAt: issuer.port, before: origin)
        try eventually(
            "the first keys", holds: { try gateway.status(bearing: old.token(subject: "u1")) == 200 })
        #expect(issuer.requests.count == 1)
        #expect(try gateway.status(bearing: new.token(subject: "u2")) == 200)
        #expect(issuer.requests.count == 2)
        for number in 0..<50 {
            #expect(try gateway.status(bearing: stranger.token(subject: "s\(number)")) == 401)
        }
        #expect(issuer.requests.count == 2)
        #expect(try gateway.status(bearing: old.token(subject: "u1")) == 200)
    }

    @Test(arguments: [
        "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n<html></>",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{\"keys\":[]}",
        "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 10485760\r\n\r\n{",
        "HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 65\r\n\r\n"
            + #"{"keys":[{"kty":"oct","k":"c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"}]}  "#,
        "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"keys\":[",
    ])
    func `what is no key set is 503, never 401`(answer: String) throws {
        let origin = try ScriptedOrigin.answering(body: "answered")
        let issuer = try ScriptedOrigin(.expectRequest, .send(answer))
        let gateway = try GatewayProcess(keysAt: issuer.port, before: origin)
        let response = try gateway.ask(bearing: PublishedKey("any").token(subject: "u1"))
        #expect(response.status == 503)
        try eventually(
            "the failure to be told",
            holds: {
                gateway.standardError.contains("no key set, tokens of this issuer are answered with 503")
            })
        #expect(origin.requests.isEmpty)
    }

    @Test func `keys that were known stay in use while their service is gone, and status says which`() throws
    {
        let key = PublishedKey("one")
        let origin = try ScriptedOrigin.answering(body: "answered")
        let issuer = try ScriptedOrigin(.expectRequest, .respond(body: PublishedKey.set(key)), .close)
        let gateway = try GatewayProcess(keysAt: issuer.port, before: origin)
        try eventually("the keys", holds: { try gateway.status(bearing: key.token(subject: "u1")) == 200 })
        issuer.stop()
        // A stranger's token makes the gateway ask, in vain.
        #expect(try gateway.status(bearing: PublishedKey("stranger").token(subject: "u2")) == 401)
        try eventually(
            "the failed fetch",
            holds: {
                try gateway.metric(#"floodgate_jwks_fetches_total{source="users",result="failed"}"#) ?? 0 > 0
            })
        #expect(try gateway.status(bearing: key.token(subject: "u3")) == 200)
        let shown = try ChildProcess.run(
            GatewayProcess.binary, ["status", "--address", "127.0.0.1:\(gateway.ports.admin)"])
        #expect(shown.output.contains("KEY SET"))
        #expect(shown.output.contains("users    fresh     1"))
        #expect(try gateway.adminPage("/status").contains("cannot be reached: connect: Connection refused"))
    }

    @Test func `another URL takes the old keys out of use`() throws {
        let (old, new) = (PublishedKey("old"), PublishedKey("new"))
        let origin = try ScriptedOrigin.answering(body: "answered")
        let first = try ScriptedOrigin(.forever([.expectRequest, .respond(body: PublishedKey.set(old))]))
        let second = try ScriptedOrigin(.forever([.expectRequest, .respond(body: PublishedKey.set(new))]))
        let gateway = try GatewayProcess(keysAt: first.port, before: origin)
        try eventually("the keys", holds: { try gateway.status(bearing: old.token(subject: "u1")) == 200 })
        let settings = try String(contentsOf: gateway.settingsFile, encoding: .utf8)
        try gateway.rewriteSettings(
            settings.replacingOccurrences(of: ":\(first.port)/jwks", with: ":\(second.port)/jwks"))
        gateway.signal(SIGHUP)
        try eventually(
            "the new keys", holds: { try gateway.status(bearing: new.token(subject: "u1")) == 200 })
        #expect(try gateway.status(bearing: old.token(subject: "u1")) == 401)
        // A reload that changes nothing of it fetches nothing.
        let asked = second.requests.count
        gateway.signal(SIGHUP)
        try eventually("the reload", holds: { gateway.standardError.contains("generation=3") })
        #expect(second.requests.count == asked)
    }
}
