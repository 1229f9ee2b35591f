import Testing

@testable import Control

@Suite struct StatusReportTests {
    @Test func `a person sees aligned tables`() {
        let expected = """
            Floodgate 1.2.3: running, ready, pid 4242, up 3 d 4 h

            Settings    /etc/floodgate/gateway.yaml, generation 3
            Reloaded    2025-12-31T12:00:00.123Z, taken over
            Open        64 connections, 3 tunnels
            Requests    1234567: ok 1234500, client.body 67
            Plans       12 users known, 42 looked up, 1 failed
            Access log  1234000 records written, 7 dropped
            Process     23.4 MiB resident, 120 descriptors open

            WORKER  CONNECTIONS
            0                31
            1                33

            UPSTREAM  OPEN  OPENED   REUSED  FAILED  SERVERS
            app          8      12  1234555       1  127.0.0.1:3000, 127.0.0.1:3001
            video        0       0        0       0  none

            ROUTE  REQUESTS      2XX  4XX  P50 MS  P99 MS
            api     1234567  1234000  567   0.422    42.1
            video         0        0    0       -       -

            LIMIT     ALLOWED  DENIED
            everyone  1234000     560

            KEY SET   STATE  KEYS        AGE  FAILED  FROM
            users     stale     2  1 h 1 min       3  https://id.example.com/keys: cannot be reached
            partners  never     0          -       0  http://10.0.0.1/keys

            """
        #expect(StatusReport(StubSource.ordinaryStatus()).text == expected)
    }

    @Test func `only a terminal gets escape codes`() {
        var status = StubSource.ordinaryStatus()
        #expect(!StatusReport(status).text.contains("\u{1B}"))
        #expect(StatusReport(status, style: .terminal).text.contains("\u{1B}[32mrunning, ready\u{1B}[0m"))
        status.state = .draining
        #expect(StatusReport(status, style: .terminal).text.contains("\u{1B}[31mdraining\u{1B}[0m"))
    }

    @Test func `a refused reload is shown with every error whole`() {
        var status = StubSource.ordinaryStatus()
        let long = "gateway.yaml:11:7: error: " + String(repeating: "x", count: 300)
        status.lastReload?.errors = ["gateway.yaml:1:1: error: no", long]
        let text = StatusReport(status).text
        #expect(
            text.contains("refused, the settings before it hold\n            gateway.yaml:1:1: error: no\n"))
        #expect(text.contains(long))
    }

    @Test func `names that steer terminals or fill screens do neither`() {
        var status = StubSource.ordinaryStatus()
        status.version = "1\u{1B}]0;owned\u{7}\u{9B}31m"
        status.upstreams[0].name = String(repeating: "n", count: 500)
        status.upstreams[0].endpoints = Array(repeating: "127.0.0.1:3000", count: 100)
        status.routes[0].name = "a\nb\r\u{8}"
        status.lastReload?.errors = ["\u{1B}[2J"]
        let text = StatusReport(status, width: 80).text
        for scalar in text.unicodeScalars where scalar != "\n" {
            #expect(scalar.properties.generalCategory != .control)
        }
        for line in text.split(separator: "\n") { #expect(line.count <= 80, "\(line)") }
        #expect(text.contains("…"))
    }

    @Test func `a gateway without anything to tell has no empty tables`() {
        let status = GatewayStatus(
            version: "0", pid: 1, uptime: .zero, state: .running, isReady: false, settingsFile: nil,
            generation: 1)
        #expect(
            StatusReport(status).text == """
                Floodgate 0: running, not ready, pid 1, up 0 s

                Settings    generation 1
                Open        0 connections, 0 tunnels
                Requests    0

                """)
    }

    @Test(arguments: [
        (0, "0 s"), (59, "59 s"), (3600, "1 h"), (3661, "1 h 1 min"), (86_401, "1 d"), (273_907, "3 d 4 h"),
    ])
    func `durations have two units`(seconds: Int64, text: String) {
        #expect(StatusReport.duration(seconds: seconds) == text)
    }

    @Test(
        arguments: [
            (0, "0.000"), (0.0004, "0.000"), (0.2134, "0.213"), (0.9999, "1.000"), (4.205, "4.21"),
            (42.06, "42.1"),
            (421.4, "421"), (1e15, "-"), (.nan, "-"), (-1, "-"),
        ] as [(Double, String)])
    func `milliseconds have three digits`(value: Double, text: String) {
        #expect(StatusReport.milliseconds(value) == text)
    }
}
