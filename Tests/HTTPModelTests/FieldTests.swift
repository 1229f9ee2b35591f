import Bytes
import HTTPModel
import Testing

@Suite struct FieldTests {
    @Test func `every known name is found in every case, and its neighbours are not`() {
        for name in FieldName.allCases where name != .other && name != .ambiguous {
            let lower = "\(name.lowercase)"
            #expect(!lower.isEmpty && lower == lower.lowercased())
            for text in [lower, lower.uppercased(), lower.prefix(1).uppercased() + lower.dropFirst()] {
                #expect(Array(text.utf8).withView { FieldName(lowercasing: $0) } == name, "\(text)")
            }
            for index in lower.utf8.indices {
                var bytes = Array(lower.utf8)
                let at = lower.utf8.distance(from: lower.utf8.startIndex, to: index)
                bytes[at] = bytes[at] == 0x71 ? 0x7A : 0x71
                #expect(
                    bytes.withView { FieldName(lowercasing: $0) } == .other,
                    "\(String(decoding: bytes, as: UTF8.self))")
            }
            for text in [lower + "q", String(lower.dropLast()), "q" + lower]
            where !FieldTests.names.contains(text) {
                #expect(Array(text.utf8).withView { FieldName(lowercasing: $0) } == .other, "\(text)")
            }
        }
    }

    private static let names = Set(FieldName.allCases.map { "\($0.lowercase)" })

    @Test func `names fit into the bits of a set, each with its own`() {
        #expect(FieldName.allCases.count <= 64)
        #expect(Set(FieldName.allCases.map(\.bit)).count == FieldName.allCases.count)
        #expect(FieldName.other.bit == 0 && FieldName.ambiguous.bit != 0)
        let set = FieldNameSet(.host, .via)
        #expect(set.contains(.host) && set.contains(.via) && !set.contains(.te) && !set.contains(.other))
    }

    @Test func `a table finds lines in their order and is full at its capacity`() {
        var table = FieldTable()
        func field(_ name: FieldName) -> Field {
            Field(name: name, nameLength: 1, lineStart: 0, valueStart: 2, valueLength: 1)
        }
        #expect(table.firstIndex(of: .host) == nil && !table.contains(.host))
        for index in 0..<FieldTable.capacity {
            let appended = table.append(field(index % 10 == 3 ? .via : .other))
            #expect(appended)
        }
        let overfull = table.append(field(.host))
        #expect(!overfull && !table.contains(.host) && table.count == 100)
        #expect(table.firstIndex(of: .via) == 3 && table.firstIndex(of: .via, from: 4) == 13)
        #expect(table.firstIndex(of: .via, from: 94) == nil)
        #expect(
            table.containsAny(of: FieldNameSet(.host, .via)) && !table.containsAny(of: FieldNameSet(.host)))
        table.removeAll()
        #expect(table.count == 0 && !table.contains(.via))
    }

    @Test func `hop-by-hop, forwarding and framing fields are what the RFCs list`() {
        let hop: Set<FieldName> = [
            .connection, .keepAlive, .proxyConnection, .te, .transferEncoding, .upgrade, .trailer,
            .proxyAuthenticate,
            .proxyAuthorization, .http2Settings,
        ]
        let forwarding: Set<FieldName> = [
            .forwarded, .xForwardedFor, .xForwardedHost, .xForwardedProto, .xForwardedPort, .xForwardedPrefix,
            .xRealIP,
        ]
        for name in FieldName.allCases {
            #expect(FieldRules.isHopByHop(name) == hop.contains(name), "\(name)")
            #expect(FieldRules.isForwarding(name) == forwarding.contains(name), "\(name)")
            #expect(
                FieldRules.isFraming(name) == [.contentLength, .transferEncoding].contains(name), "\(name)")
            #expect(FieldRules.isInformation(name) == [.server, .xPoweredBy].contains(name), "\(name)")
            #expect(
                FieldRules.isFrameworkInternal(name, ByteView("x")) == (name == .xMiddlewareSubrequest),
                "\(name)")
            let removable = hop.contains(name) || name == .other || name == .ambiguous
            #expect(FieldRules.isRemovableByConnection(name) == removable, "\(name)")
        }
    }

    @Test func `names by which others rewrite targets or claim addresses are known in any case`() {
        for name: StaticString in [
            "X-Original-URL", "x-rewrite-url", "True-Client-IP", "X-Client-Ip", "x-cluster-client-ip",
        ] {
            #expect(FieldRules.isFrameworkInternal(.other, ByteView(name)))
        }
        for name: StaticString in ["x-original-urls", "x-api-version-2", "traceparent-x", "x"] {
            #expect(!FieldRules.isFrameworkInternal(.other, ByteView(name)))
        }
    }

    @Test func `trailers may carry checksums and gRPC's outcome`() {
        for name: StaticString in [
            "grpc-status", "Grpc-Message", "x-checksum", "x-amz-checksum-crc32", "Server-Timing", "digest",
        ] {
            #expect(!FieldRules.isForbiddenTrailer(.other, ByteView(name)), "\(name)")
        }
        #expect(!FieldRules.isForbiddenTrailer(.etag, ByteView("etag")))
        #expect(FieldRules.isForbiddenTrailer(.contentLength, ByteView("content-length")))
        #expect(FieldRules.isForbiddenTrailer(.ambiguous, ByteView("grpc_status")))
        #expect(FieldRules.isForbiddenTrailer(.other, ByteView("IF-whatever")))
    }

    @Test func `list elements come without white space and without empty ones`() {
        var elements: [String] = []
        var list = ListElements(ByteView(" a,\tb ,, ,c d,"))
        while let element = list.next() { elements.append(element.text()) }
        #expect(elements == ["a", "b", "c d"])
    }

    @Test func `methods know what may be repeated`() {
        let idempotent: Set<Method> = [.get, .head, .put, .delete, .options, .trace]
        for method in Method.allCases {
            #expect(method.isIdempotent == idempotent.contains(method))
            guard let token = method.token else { continue }
            #expect(Method(ByteView(token)) == method)
        }
    }
}
