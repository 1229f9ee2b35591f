/// A request as an origin received it.
struct RawRequest: Equatable {
    /// Exactly what came.
    var bytes: [UInt8] = []
    var method = ""
    var target = ""
    var version = ""
    /// In their order, with their spelling.
    var fields: [WireFormat.Field] = []
    /// Chunks put together.
    var body: [UInt8] = []
    var trailers: [WireFormat.Field] = []

    var text: String { String(decoding: bytes, as: UTF8.self) }

    /// Values of a field in their order, its name in any case.
    func values(_ name: String) -> [String] {
        fields.filter { $0.name.lowercased() == name.lowercased() }.map(\.value)
    }

    /// The value of a field that is there once; nil where it is absent or there more often.
    func value(_ name: String) -> String? {
        let values = values(name)
        return values.count == 1 ? values[0] : nil
    }

    /// The head of a request and how long it is; nil while it is not whole.
    static func head(_ bytes: [UInt8]) throws(MalformedMessage) -> (request: RawRequest, length: Int)? {
        guard let end = bytes.firstRange(of: Array("\r\n\r\n".utf8)) else { return nil }
        let text = String(decoding: bytes[..<end.lowerBound], as: UTF8.self)
        let lines = text.split(separator: "\r\n", omittingEmptySubsequences: false)
        let requestLine = lines[0].split(separator: " ", omittingEmptySubsequences: false).map(String.init)
        guard requestLine.count == 3, requestLine[2].hasPrefix("HTTP/1.") else {
            throw .head(String(lines[0]))
        }
        var request = RawRequest()
        request.bytes = Array(bytes[..<end.upperBound])
        (request.method, request.target, request.version) = (requestLine[0], requestLine[1], requestLine[2])
        for line in lines.dropFirst() { request.fields.append(try WireFormat.field(line)) }
        return (request, end.upperBound)
    }

    /// The request with its body and how long it is; nil while it is not whole. What is ambiguous is
    /// malformed.
    static func parse(_ bytes: [UInt8]) throws(MalformedMessage) -> (request: RawRequest, length: Int)? {
        guard var (request, length) = try head(bytes) else { return nil }
        let codings = request.values("transfer-encoding")
        let lengths = request.values("content-length")
        guard codings.count + lengths.count <= 1 else {
            throw .head("content-length or transfer-encoding twice")
        }
        if let coding = codings.first {
            guard coding == "chunked" else { throw .head("transfer-encoding: \(coding)") }
            guard let chunks = try WireFormat.chunks(bytes, from: length) else { return nil }
            (request.body, request.trailers, length) = (chunks.body, chunks.trailers, chunks.end)
        } else if let text = lengths.first {
            guard let size = Int(text), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
                throw .head("content-length: \(text)")
            }
            guard bytes.count >= length + size else { return nil }
            request.body = Array(bytes[length..<(length + size)])
            length += size
        }
        request.bytes = Array(bytes[..<length])
        return (request, length)
    }
}
