import Bytes
import Telemetry
import Testing

/// A strict reader of the text exposition format 0.0.4.
struct Exposition {
    struct Sample: Equatable {
        var name: String
        var labels: [String: String]
        var value: Double
    }

    struct Mistake: Error { var text: String }

    private(set) var types: [String: String] = [:]
    private(set) var samples: [Sample] = []

    init(_ bytes: [UInt8]) throws {
        guard bytes.last == 0x0A, let text = String(validating: bytes, as: UTF8.self) else {
            throw Mistake(text: "not UTF-8 that ends in a line feed")
        }
        var family = ""
        var helped: Set<String> = []
        for line in text.split(separator: "\n") {
            if line.hasPrefix("# HELP ") {
                let name = String(line.dropFirst(7).prefix { $0 != " " })
                guard helped.insert(name).inserted else { throw Mistake(text: "family twice: \(name)") }
            } else if line.hasPrefix("# TYPE ") {
                let parts = line.dropFirst(7).split(separator: " ").map(String.init)
                guard parts.count == 2, ["counter", "gauge", "histogram"].contains(parts[1]),
                    types[parts[0]] == nil
                else { throw Mistake(text: "bad type: \(line)") }
                family = parts[0]
                types[family] = parts[1]
            } else {
                let sample = try Exposition.sample(line)
                let suffixes = types[family] == "histogram" ? ["_bucket", "_sum", "_count"] : [""]
                guard suffixes.contains(where: { sample.name == family + $0 }) else {
                    throw Mistake(text: "\(sample.name) outside of its family")
                }
                guard !samples.contains(where: { $0.name == sample.name && $0.labels == sample.labels })
                else {
                    throw Mistake(text: "series twice: \(line)")
                }
                samples.append(sample)
            }
        }
        for (name, type) in types where type == "counter" && !name.hasSuffix("_total") {
            throw Mistake(text: "a counter without _total: \(name)")
        }
    }

    private static func sample(_ line: Substring) throws -> Sample {
        var rest = line
        let name = rest.prefix { $0.isLetter && $0.isASCII || $0.isNumber || $0 == "_" || $0 == ":" }
        rest.removeFirst(name.count)
        var labels: [String: String] = [:]
        if rest.first == "{" {
            rest.removeFirst()
            while rest.first != "}" {
                let key = rest.prefix { $0.isLetter && $0.isASCII || $0 == "_" }
                rest.removeFirst(key.count)
                guard rest.hasPrefix("=\""), !key.isEmpty else { throw Mistake(text: "bad label: \(line)") }
                rest.removeFirst(2)
                guard labels.updateValue(try quoted(&rest, in: line), forKey: String(key)) == nil else {
                    throw Mistake(text: "label twice: \(line)")
                }
                if rest.first == "," { rest.removeFirst() }
            }
            rest.removeFirst()
        }
        let number = rest.dropFirst()
        guard rest.first == " ", !name.isEmpty, let value = number == "+Inf" ? .infinity : Double(number)
        else {
            throw Mistake(text: "bad sample: \(line)")
        }
        return Sample(name: String(name), labels: labels, value: value)
    }

    private static func quoted(_ rest: inout Substring, in line: Substring) throws -> String {
        var value = ""
        while let character = rest.unicodeScalars.popFirst() {
            switch character {
            case "\"": return value
            case "\\":
                switch rest.unicodeScalars.popFirst() {
                case "n": value += "\n"
                case "\\": value += "\\"
                case "\"": value += "\""
                default: throw Mistake(text: "bad escape: \(line)")
                }
            default: value.unicodeScalars.append(character)
            }
        }
        throw Mistake(text: "open quote: \(line)")
    }

    func value(_ name: String, _ labels: [String: String] = [:]) -> Double? {
        samples.first { $0.name == name && $0.labels == labels }?.value
    }
}

@Suite struct PrometheusTests {
    static func page(_ registry: MetricRegistry) throws -> Exposition {
        var encoder = PrometheusEncoder()
        encoder.floodgate(registry.snapshot())
        return try Exposition(encoder.text)
    }

    @Test func `the page of a gateway that has seen nothing is valid`() throws {
        let registry = MetricRegistry()
        _ = registry.makeWorkerMetrics()
        let page = try Self.page(registry)
        #expect(page.value("floodgate_connections_accepted_total") == 0)
        #expect(page.value("floodgate_requests_total", ["route": "-", "status": "2xx"]) == 0)
        #expect(page.types.keys.allSatisfy { $0.hasPrefix("floodgate_") })
    }

    @Test func `every number stands on the page under its labels`() throws {
        let registry = MetricRegistry()
        let worker = registry.makeWorkerMetrics()
        let route = registry.routeSlot("api")
        let upstream = registry.upstreamSlot("app")
        let limit = registry.limitSlot("everyone")
        worker.exchangeEnded(
            route: route, status: 502, outcome: .upstreamConnect, bytesIn: 353, bytesOut: 90,
            nanoseconds: 300_000)
        worker.add(.upstream(upstream, .failed), 2)
        worker.add(.upstream(upstream, .open), -1)
        worker.add(.limit(limit, .allowed), 4)
        worker.add(.headFault(.framing))
        worker.add(.refused(.descriptors), 6)
        worker.add(.logDrops, 8)
        worker.observe(.loopTurn, nanoseconds: 2_000_000)
        let page = try Self.page(registry)
        #expect(page.value("floodgate_requests_total", ["route": "api", "status": "5xx"]) == 1)
        #expect(page.value("floodgate_outcomes_total", ["outcome": "upstream.connect"]) == 1)
        #expect(page.value("floodgate_received_bytes_total") == 353)
        #expect(page.value("floodgate_sent_bytes_total") == 90)
        #expect(page.value("floodgate_upstream_connections_failed_total", ["upstream": "app"]) == 2)
        #expect(page.value("floodgate_upstream_connections_open", ["upstream": "app"]) == -1)
        #expect(
            page.value("floodgate_limit_decisions_total", ["limit": "everyone", "decision": "allowed"]) == 4)
        #expect(page.value("floodgate_head_errors_total", ["kind": "framing"]) == 1)
        #expect(page.value("floodgate_connections_refused_total", ["reason": "descriptors"]) == 6)
        #expect(page.value("floodgate_access_log_dropped_total") == 8)
        #expect(page.value("floodgate_loop_turn_seconds_sum") == 0.002)
        #expect(page.value("floodgate_request_duration_seconds_sum", ["route": "api"]) == 0.0003)
    }

    @Test func `histograms are cumulative, with exact bounds, and end in all`() throws {
        let registry = MetricRegistry()
        let worker = registry.makeWorkerMetrics()
        for nanoseconds: Int64 in [1, 256_000, 256_001, 512_000, 70_000_000_000] {
            worker.observe(.loopTurn, nanoseconds: nanoseconds)
        }
        let page = try Self.page(registry)
        let buckets = page.samples.filter { $0.name == "floodgate_loop_turn_seconds_bucket" }
        let bounds = buckets.compactMap {
            $0.labels["le"] == "+Inf" ? .infinity : Double($0.labels["le"] ?? "")
        }
        #expect(bounds == bounds.sorted() && bounds.count == buckets.count)
        #expect(buckets.map(\.value) == buckets.map(\.value).sorted())
        #expect(page.value("floodgate_loop_turn_seconds_bucket", ["le": "0.000256"]) == 2)
        #expect(page.value("floodgate_loop_turn_seconds_bucket", ["le": "0.000512"]) == 4)
        #expect(page.value("floodgate_loop_turn_seconds_bucket", ["le": "67.108864"]) == 4)
        #expect(page.value("floodgate_loop_turn_seconds_bucket", ["le": "+Inf"]) == 5)
        #expect(page.value("floodgate_loop_turn_seconds_count") == 5)
    }

    @Test(arguments: ["quote\"", "back\\slash", "line\nfeed", "\\n", "é漢🙂", "{a=\"b\"} 1", ""])
    func `any label value survives`(name: String) throws {
        let registry = MetricRegistry()
        let worker = registry.makeWorkerMetrics()
        worker.add(.requests(route: registry.routeSlot(name), class: .success), 3)
        #expect(
            try Self.page(registry).value("floodgate_requests_total", ["route": name, "status": "2xx"]) == 3)
    }

    @Test func `families of the process can be added`() throws {
        var encoder = PrometheusEncoder()
        encoder.family("floodgate_build", .gauge, "The build \\ of\nthis process.")
        encoder.sample(1, ["version": "1.0"])
        encoder.family("floodgate_load_ratio", .gauge, "A fraction.")
        encoder.sample(fraction: 0.25)
        encoder.family("floodgate_balance", .gauge, "Below zero.")
        encoder.sample(level: -3)
        let page = try Exposition(encoder.text)
        #expect(page.value("floodgate_build", ["version": "1.0"]) == 1)
        #expect(page.value("floodgate_load_ratio") == 0.25)
        #expect(page.value("floodgate_balance") == -3)
    }
}
