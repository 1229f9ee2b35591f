/// What `floodgate demo` tells a person to try.
package enum DemoGuide {
    private struct Step {
        let title: String
        let commands: [String]
    }

    /// The guide, ready to be printed.
    ///
    /// - Parameters:
    ///   - gateway: `host:port` of the gateway's listener; `admin` and `origin` alike.
    ///   - secure: the same of its listener with TLS, if there is one.
    ///   - command: how this program is called here.
    ///   - styled: whether titles stand out by escape codes; only for a terminal.
    package static func text(
        gateway: String, secure: String? = nil, admin: String, origin: String, command: String = "floodgate",
        styled: Bool
    ) -> String {
        let (bold, dim, plain) = styled ? ("\u{1B}[1m", "\u{1B}[2m", "\u{1B}[0m") : ("", "", "")
        var lines = [
            "\(bold)Floodgate is up.\(plain)",
            "  gateway  http://\(gateway)   what clients talk to",
        ]
        if let secure { lines.append("           https://\(secure)  the same by TLS and HTTP/2") }
        lines += [
            "  admin    http://\(admin)   metrics and state, for you only",
            "  origin   http://\(origin)   the backend of this demo",
            "",
            "\(bold)Try, in another terminal:\(plain)",
        ]
        for step in steps(gateway: gateway, secure: secure, admin: admin, command: command) {
            lines += ["", "  \(dim)# \(step.title)\(plain)"] + step.commands.map { "  \($0)" }
        }
        lines += ["", "Ctrl-C ends it: what is in flight is finished first."]
        return lines.joined(separator: "\n") + "\n"
    }

    private static func steps(gateway: String, secure: String?, admin: String, command: String) -> [Step] {
        let base = "http://\(gateway)"
        let status = "curl -s -o /dev/null -w '%{http_code}/%{exitcode} '"
        let byTLS = secure.map { secure in
            Step(
                title: "the same by HTTP/2 over TLS, with the certificate that was made for this machine",
                commands: ["curl -i --cacert Certs/authority.pem https://\(secure)/api/hello"])
        }
        return [
            Step(
                title: "what arrives at the backend: see X-Forwarded-For, X-Request-Id and traceparent",
                commands: ["curl -i \(base)/api/hello"])
        ] + [byTLS].compactMap { $0 } + [
            Step(
                title: "a body, byte for byte",
                commands: ["curl -i -H 'Content-Type: text/plain' -d 'hello' \(base)/api/echo"]),
            Step(
                title: "tokens as they are made, nothing held back",
                commands: ["curl -N -d '{\"prompt\": \"hello\"}' \(base)/api/chat"]),
            Step(
                title: "an endless event stream, and a WebSocket (apt: python3-websockets)",
                commands: [
                    "curl -N \(base)/api/events", "/usr/bin/python3 -m websockets ws://\(gateway)/api/ws",
                ]),
            Step(
                title: "a rate limit: 429 with Retry-After once it is used up",
                commands: [
                    "for i in $(seq 30); do \(status) \(base)/api/limited; done; echo"
                ]),
            Step(
                title: "a backend that is slow, and one that fails and breaks off (curl says 18 or 56 then)",
                commands: [
                    "curl -i '\(base)/api/slow?ms=1500'",
                    "for i in $(seq 10); do \(status) \(base)/api/video/token; done; echo",
                ]),
            Step(
                title: "the gateway's own: health, metrics, state",
                commands: [
                    "curl -i \(base)/healthz", "curl -s http://\(admin)/metrics", "\(command) status",
                ]),
        ]
    }
}
