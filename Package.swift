// swift-tools-version: 6.2
import PackageDescription

/// Every module of ours is compiled alike: Swift 6, unsafe code marked where it stands, no warning let
/// through.
let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .strictMemorySafety(),
    .treatAllWarnings(as: .error),
]

/// Tests use raw pointers freely; everything else holds for them too.
let testing: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
]

func module(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

func tests(_ name: String, _ dependencies: [Target.Dependency] = [], path: String? = nil) -> Target {
    .testTarget(name: name, dependencies: dependencies, path: path, swiftSettings: testing)
}

/// Programs for proofs and measurements. They are built with the tree and never shipped.
func tool(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    Target.executableTarget(
        name: name, dependencies: dependencies, path: "Benchmarks/\(name)", swiftSettings: strict)
}

/// The program that lets libFuzzer drive the fuzz targets. It links only in a sanitizer build, which
/// `make fuzz` makes; every other build goes without it.
let fuzzer: [Target] =
    Context.environment["FLOODGATE_FUZZ"] == nil
    ? []
    : [
        Target.executableTarget(
            name: "fuzzer", dependencies: ["FuzzTargets"], path: "Tests/Fuzz/Fuzzer", swiftSettings: testing)
    ]

let package = Package(
    name: "floodgate",
    products: [
        .executable(name: "floodgate", targets: ["floodgate"])
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2")
    ],
    targets: [
        // C system libraries: module maps and shims, no logic.
        .systemLibrary(name: "CLinux"),
        .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CNghttp2", pkgConfig: "libnghttp2", providers: [.apt(["libnghttp2-dev"])]),
        // hiredis' own flags would draw a warning on every build: its module map names the library.
        .systemLibrary(name: "CHiredis", providers: [.apt(["libhiredis-dev"])]),
        .systemLibrary(name: "CYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),

        // The house, in the order of its directions: a module imports only what stands above it.
        module("Bytes"),
        module("Time", ["Bytes"]),
        module("JSON", ["Bytes"]),
        module("Calls", ["Bytes", "JSON"]),
        module("JWT", ["Bytes", "Time", "JSON", "COpenSSL"]),
        module("Slots"),
        module("Addressing", ["Bytes"]),
        module("HTTPModel", ["Bytes"]),
        module("TLS", ["Bytes", "COpenSSL"]),
        module("HTTP2", ["Bytes", "HTTPModel", "CNghttp2"]),
        module("Redis", ["Bytes", "Time", "CHiredis"]),
        module("Reactor", ["Bytes", "Time", "Addressing", "CLinux"]),
        module("HTTP1", ["Bytes", "HTTPModel"]),
        module("Settings", ["Bytes", "Addressing", "CYAML"]),
        module("Telemetry", ["Bytes", "Time", "Settings"]),
        module(
            "Fetch",
            ["Bytes", "Time", "Addressing", "HTTPModel", "HTTP1", "TLS", "Reactor", "JSON", "Telemetry"]),
        module("Upstream", ["Time", "Slots", "Addressing", "Settings", "TLS"]),
        module(
            "Pipeline",
            ["Bytes", "Time", "Addressing", "HTTPModel", "JSON", "JWT", "Calls", "Settings", "Telemetry"]),
        module(
            "Stores",
            [
                "Bytes", "Time", "Addressing", "TLS", "JWT", "Redis", "Reactor", "Pipeline", "Telemetry",
            ]),
        module(
            "Proxy",
            [
                "Bytes", "Time", "Slots", "Addressing", "HTTPModel", "HTTP1", "HTTP2", "WebSocket", "TLS",
                "Certificates", "JWT", "Calls", "Reactor", "Fetch", "Redis", "Pipeline", "Upstream", "Stores",
                "Telemetry", "Settings",
            ]),
        module(
            "Control",
            [
                "Bytes", "Time", "Addressing", "HTTPModel", "HTTP1", "Reactor", "JSON", "JWT", "Fetch",
                "Redis", "Pipeline", "Upstream", "Stores", "Proxy", "Telemetry", "Settings", "TLS",
                "Certificates",
            ]),
        module("Demo", ["COpenSSL"]),
        module("WebSocket", ["Bytes"]),
        module("Certificates", ["Time", "Addressing", "COpenSSL"]),
        .executableTarget(
            name: "floodgate",
            dependencies: [
                "Addressing", "Certificates", "Control", "Demo", "Proxy", "Reactor", "Settings", "Time",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: strict),

        tool(
            "loadgen",
            [
                "Addressing", "Bytes", "COpenSSL", "HTTP1", "HTTPModel", "Reactor", "Slots", "Time",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ]),

        tool(
            "microbench",
            [
                "Addressing", "Bytes", "HTTP1", "HTTPModel", "JSON", "JWT", "Pipeline", "Proxy", "Reactor",
                "Settings", "Slots", "Stores", "Telemetry", "Time", "Upstream",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ]),

        tests("BytesTests", ["Bytes"]),
        tests("JSONTests", ["Bytes", "JSON"]),
        tests("CallsTests", ["Bytes", "Calls"]),
        tests("JWTTests", ["Bytes", "Time", "JSON", "JWT", "COpenSSL", "TestIssuer"]),
        tests("SlotsTests", ["Slots"]),
        tests("AddressingTests", ["Bytes", "Addressing"]),
        tests("TimeTests", ["Bytes", "Time"]),
        tests("HTTPModelTests", ["Bytes", "HTTPModel"]),
        tests("HTTP1Tests", ["Bytes", "HTTPModel", "HTTP1"]),
        tests(
            "SettingsTests",
            [
                "Bytes", "Time", "Addressing", "HTTPModel", "Settings", "Telemetry", "Upstream", "Pipeline",
                "Redis", "Stores", "TLS", "Proxy", "Fetch", "Control", "TestIssuer",
            ]),
        tests("TelemetryTests", ["Bytes", "Time", "HTTPModel", "Telemetry"]),
        tests(
            "ControlTests",
            [
                "Bytes", "Time", "Addressing", "HTTPModel", "Reactor", "Settings", "Telemetry", "Proxy",
                "TLS", "Certificates", "Fetch", "Pipeline", "Stores", "Control",
            ]),
        tests("UpstreamTests", ["Time", "Slots", "Addressing", "Upstream", "Pipeline"]),
        tests("ReactorTests", ["Bytes", "Time", "Addressing", "Reactor", "Pipeline"]),
        tests("RedisTests", ["Bytes", "Time", "Redis"]),
        tests(
            "StoresTests",
            [
                "Bytes", "Time", "Addressing", "Certificates", "TLS", "Redis", "Reactor", "Pipeline",
                "Telemetry", "Stores", "TestServers",
            ]),
        tests(
            "PipelineTests",
            [
                "Bytes", "Time", "Addressing", "HTTPModel", "HTTP1", "JWT", "Settings", "Telemetry",
                "Pipeline", "TestIssuer",
            ]),
        tests(
            "ProxyTests",
            [
                "Bytes", "Time", "Slots", "Addressing", "Certificates", "Redis", "Reactor", "Pipeline",
                "Stores", "Telemetry", "Settings", "Proxy", "TestServers",
            ]),
        tests("WebSocketTests", ["Bytes", "WebSocket"]),
        tests("TLSTests", ["Bytes", "Addressing", "Certificates", "TLS"]),
        tests("HTTP2Tests", ["Bytes", "HTTPModel", "HTTP2", "CNghttp2"]),
        tests(
            "FetchTests",
            [
                "Bytes", "Time", "Addressing", "HTTPModel", "HTTP1", "Reactor", "TLS", "Certificates",
                "JSON", "Telemetry", "Fetch",
            ]),
        tests("CertificatesTests", ["Addressing", "Certificates", "COpenSSL"]),
        tests("TidyTests"),
        tests("EndToEnd", ["Certificates", "Demo", "COpenSSL", "TestIssuer", "TestServers"]),
        tests(
            "Simulation",
            [
                "Bytes", "Time", "Addressing", "HTTPModel", "HTTP1", "Reactor", "Pipeline", "Upstream",
                "Stores", "Telemetry", "Settings", "Proxy",
            ]),

        // What several tests share: servers of others that they start, and issuers of tokens.
        .target(name: "TestServers", path: "Tests/TestServers", swiftSettings: testing),
        .target(
            name: "TestIssuer", dependencies: ["COpenSSL"], path: "Tests/TestIssuer", swiftSettings: testing),

        // What holds for any bytes: `make test` holds it with seeds and mutants, `make fuzz` with libFuzzer.
        .target(
            name: "FuzzTargets",
            dependencies: [
                "Bytes", "Time", "JSON", "JWT", "Calls", "Addressing", "HTTPModel", "HTTP1", "Redis",
                "Reactor", "Pipeline", "Upstream", "Stores", "Telemetry", "Settings", "Proxy", "Control",
            ],
            path: "Tests/Fuzz/Targets", swiftSettings: testing),
        tests("FuzzTests", ["FuzzTargets"], path: "Tests/Fuzz/Tests"),
    ] + fuzzer
)
