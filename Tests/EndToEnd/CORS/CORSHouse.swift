import Foundation
import Testing

/// A gateway with a policy for each first segment of a path, before a backend that has its own ideas of CORS.
struct CORSHouse {
    /// The backend's own words, sorted.
    static let ownWords = ["allow-credentials: true", "allow-origin: https://backend.example"]

    let gateway: GatewayProcess
    let origin: ScriptedOrigin

    static let settings = """
        cors:
          origins:
            - https://app.example.com
            - https://app.example.com:8443
            - http://localhost:3000
            - http://127.0.0.1:5173
            - "http://[::1]:3000"
            - "https://[2001:db8::1]"
            - https://xn--bcher-kva.example
            - capacitor://localhost
            - "${MORE}"
          credentials: true
        routes:
          - { path: /exact/*, upstream: app }
          - { path: /wild/*, upstream: app,
              cors: { origins: "https://*.example.com,http://*.dev.test:8080", credentials: true } }
          - { path: /any/*, upstream: app, cors: { origins: "*" } }
          - { path: /null/*, upstream: app, cors: { origins: [null, https://app.example.com], credentials: true } }
          - { path: /sandbox/*, upstream: app,
              cors: { origins: [null], credentials: true, null_credentials: true } }
          - { path: /plain/*, upstream: app, cors: { origins: [https://app.example.com] } }
          - path: /listed/*
            upstream: app
            cors:
              origins: [https://app.example.com]
              methods: [GET, PATCH]
              headers: [X-One, Content-Type]
              max_age: 0s
          - { path: /private/*, upstream: app, cors: { origins: [https://app.example.com], private_network: true } }
          - { path: /off/*, upstream: app, cors: off }
          - { path: /post, methods: [POST], upstream: app }
          - { path: /split, methods: [GET], upstream: app, cors: off }
          - { path: /split, methods: [PUT], upstream: app, cors: { origins: [https://put.example] } }
          - { path: /asks, methods: [OPTIONS], upstream: app }
        """

    init() throws {
        let origin = try ScriptedOrigin.answering(
            fields: [
                "Access-Control-Allow-Origin: https://backend.example",
                "access-control-allow-credentials: true", "Vary: Accept-Encoding",
            ], body: "ok")
        self.origin = origin
        gateway = try GatewayProcess(
            environment: ["MORE": "https://digis.app,https://www.digis.app"]
        ) { ports in
            """
            workers: 1
            listeners: [{ address: 127.0.0.1:\(ports.gateway), protocols: [h2, http/1.1] }]
            admin: { address: 127.0.0.1:\(ports.admin) }
            drain: { announce: 0s, deadline: 1s }
            upstreams: { app: { servers: [127.0.0.1:\(origin.port)] } }
            \(Self.settings)
            """
        }
    }
}
