import Bytes
import Calls

/// What a reader said of one request, as a test compares it.
struct Reading: Equatable, CustomStringConvertible {
    var verdict: CallVerdict
    var calls: [String: Int] = [:]
    var unnamed = 0

    static func calls(_ calls: [String: Int], unnamed: Int = 0) -> Reading {
        Reading(verdict: .calls(calls.values.reduce(unnamed, +)), calls: calls, unnamed: unnamed)
    }

    static func unreadable(_ fault: CallFault) -> Reading { Reading(verdict: .unreadable(fault)) }

    static let tooMany = Reading(verdict: .tooMany)

    var description: String {
        "\(verdict) \(calls.sorted { $0.key < $1.key }.map { "\($0.key)×\($0.value)" }) +\(unnamed)"
    }
}

/// One request in text.
struct Request {
    var rest = ""
    var query: String?
    var type: String?
    var coding: String?
    var body: [UInt8] = []

    init(
        rest: String = "", query: String? = nil, type: String? = nil, coding: String? = nil, body: String = ""
    ) {
        self.init(rest: rest, query: query, type: type, coding: coding, bytes: Array(body.utf8))
    }

    init(
        rest: String = "", query: String? = nil, type: String? = nil, coding: String? = nil, bytes: [UInt8]
    ) {
        self.rest = rest
        self.query = query
        self.type = type
        self.coding = coding
        body = bytes
    }

    /// A POST of JSON.
    static func json(_ body: String, query: String? = nil) -> Request {
        Request(query: query, type: "application/json", body: body)
    }

    /// The document in JSON, escaped.
    static func graphql(_ document: String, operation: String? = nil) -> Request {
        let name = operation.map { ",\"operationName\":\(quoted($0))" } ?? ""
        return json("{\"query\":\(quoted(document))\(name)}")
    }

    /// A JSON string.
    static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\": result += "\\\(scalar)"
            case "\u{0}"..<" ":
                result += "\\u00" + (scalar.value < 16 ? "0" : "") + String(scalar.value, radix: 16)
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}

extension CallReader {
    mutating func reading(
        _ kind: CallKind, _ request: Request, limits: CallLimits = CallLimits()
    ) -> Reading {
        let verdict = withSource(request) { read(kind, $0, limits: limits) }
        var reading = Reading(verdict: verdict, unnamed: unnamed)
        for index in 0..<count { reading.calls[self[index].name.text(), default: 0] += self[index].times }
        return reading
    }
}

private func withSource<R>(_ request: Request, _ body: (CallSource) -> R) -> R {
    Array(request.rest.utf8).withView { rest in
        Array((request.query ?? "").utf8).withView { query in
            Array((request.type ?? "").utf8).withView { type in
                Array((request.coding ?? "").utf8).withView { coding in
                    request.body.withView { bytes in
                        body(
                            CallSource(
                                rest: rest, query: request.query == nil ? nil : query,
                                contentType: request.type == nil ? nil : type,
                                contentEncoding: request.coding == nil ? nil : coding, body: bytes))
                    }
                }
            }
        }
    }
}

func reading(_ kind: CallKind, _ request: Request, limits: CallLimits = CallLimits()) -> Reading {
    var reader = CallReader()
    return reader.reading(kind, request, limits: limits)
}
