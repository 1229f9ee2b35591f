/// What the tests do not accept as a message.
enum MalformedMessage: Error, Equatable, CustomStringConvertible {
    /// The connection ended before the message did.
    case ended(after: String)
    case head(String)
    case chunk(String)

    var description: String {
        switch self {
        case .ended(let text): "the connection ended inside a message: \(text.suffix(200).debugDescription)"
        case .head(let line): "malformed head: \(line.debugDescription)"
        case .chunk(let line): "malformed chunk: \(line.debugDescription)"
        }
    }
}

/// A response as it came over the wire.
struct RawResponse: Equatable {
    enum Framing: Equatable {
        case none
        case length(Int)
        case chunked
        case untilClose
    }

    var version = ""
    var status = 0
    var reason = ""
    /// In their order, with their spelling.
    var fields: [WireFormat.Field] = []
    var framing: Framing = .none
    /// Chunks put together.
    var body: [UInt8] = []
    var trailers: [WireFormat.Field] = []
    /// Statuses of the 1xx responses that came before.
    var interim: [Int] = []

    var text: String { String(decoding: body, as: UTF8.self) }

    /// Values of a field in their order, its name in any case.
    func values(_ name: String) -> [String] {
        fields.filter { $0.name.lowercased() == name.lowercased() }.map(\.value)
    }

    /// The value of a field that is there once; nil where it is absent or there more often.
    func value(_ name: String) -> String? {
        let values = values(name)
        return values.count == 1 ? values[0] : nil
    }
}

/// Reads one response out of what came so far. Strict: a test wants to see what the gateway gets wrong.
struct ResponseReader {
    let method: String
    private var interim: [Int] = []

    init(method: String) { self.method = method }

    /// The response and how many bytes it and the interim ones before it took; nil while it is not whole.
    mutating func parse(_ bytes: [UInt8]) throws(MalformedMessage) -> (RawResponse, Int)? {
        var position = 0
        interim = []
        while true {
            guard let headEnd = bytes[position...].firstRange(of: Array("\r\n\r\n".utf8)) else { return nil }
            var response = try head(bytes[position..<headEnd.lowerBound])
            position = headEnd.upperBound
            if (100...199).contains(response.status), response.status != 101 {
                interim.append(response.status)
                continue
            }
            response.interim = interim
            switch response.framing {
            case .none: return (response, position)
            case .untilClose: return nil
            case .length(let length):
                guard bytes.count - position >= length else { return nil }
                response.body = Array(bytes[position..<(position + length)])
                return (response, position + length)
            case .chunked:
                guard let decoded = try WireFormat.chunks(bytes, from: position) else { return nil }
                response.body = decoded.body
                response.trailers = decoded.trailers
                return (response, decoded.end)
            }
        }
    }

    /// The response after the connection ended: only one that ends with it is whole.
    mutating func end(_ bytes: [UInt8]) throws(MalformedMessage) -> RawResponse {
        var position = 0
        interim = []
        while let headEnd = bytes[position...].firstRange(of: Array("\r\n\r\n".utf8)) {
            var response = try head(bytes[position..<headEnd.lowerBound])
            position = headEnd.upperBound
            if (100...199).contains(response.status), response.status != 101 {
                interim.append(response.status)
                continue
            }
            guard response.framing == .untilClose else { break }
            response.interim = interim
            response.body = Array(bytes[position...])
            return response
        }
        throw .ended(after: String(decoding: bytes, as: UTF8.self))
    }

    private func head(_ bytes: ArraySlice<UInt8>) throws(MalformedMessage) -> RawResponse {
        let lines = String(decoding: bytes, as: UTF8.self).split(
            separator: "\r\n", omittingEmptySubsequences: false)
        let statusLine = lines[0].split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false)
        guard statusLine.count == 3, statusLine[0].hasPrefix("HTTP/1."), statusLine[1].count == 3,
            let status = Int(statusLine[1]), !lines[0].utf8.contains(0x0A), !lines[0].utf8.contains(0x0D)
        else { throw .head(String(lines[0])) }
        var response = RawResponse(
            version: String(statusLine[0]), status: status, reason: String(statusLine[2]))
        for line in lines.dropFirst() { response.fields.append(try WireFormat.field(line)) }
        response.framing = try framing(of: response)
        return response
    }

    /// RFC 9112 §6.3, with every ambiguity an error.
    private func framing(of response: RawResponse) throws(MalformedMessage) -> RawResponse.Framing {
        let hasNoBody =
            method == "HEAD" || response.status == 204 || response.status == 304 || response.status < 200
        let codings = response.values("transfer-encoding")
        let lengths = response.values("content-length")
        guard codings.count + lengths.count <= 1 else {
            throw .head("content-length or transfer-encoding twice")
        }
        if hasNoBody { return .none }
        if let coding = codings.first {
            guard coding == "chunked" else { throw .head("transfer-encoding: \(coding)") }
            return .chunked
        }
        guard let text = lengths.first else { return .untilClose }
        guard let length = Int(text), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
            throw .head("content-length: \(text)")
        }
        return .length(length)
    }
}
