import Foundation
import Proxy
import Settings

/// Loads `text` as `gateway.yaml`.
func load(_ text: String, environment: [String: String] = [:]) -> Loaded<GatewaySettings> {
    GatewaySettings.load(text: text, file: "gateway.yaml", environment: environment)
}

/// The headlines without the file's name: `11:7: error: …`.
func headlines(_ text: String, environment: [String: String] = [:]) -> [String] {
    load(text, environment: environment).diagnostics.map {
        String($0.headline.dropFirst("gateway.yaml:".count))
    }
}

/// A file that is right, with upstream `app`, limit `everyone` and one route, on which tests build.
let valid = """
    upstreams:
      app: { servers: [127.0.0.1:3000] }
    limits:
      everyone: { rate: 100 per 15m }
    routes:
      - { path: /*, upstream: app, limits: [everyone] }

    """

/// The folder that holds Package.swift.
let packageFolder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

func contents(of path: String) throws -> String {
    try String(contentsOf: packageFolder.appending(path: path), encoding: .utf8)
}
