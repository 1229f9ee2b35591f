import Bytes

/// What a `Content-Type` says of the coding of a body (RFC 9110 §8.3).
struct MediaType {
    enum Form {
        case json, graphql, form, other
    }

    let form: Form
    /// Every charset that is named is UTF-8 or a part of it. Others can hide what a body says: in UTF-7
    /// `+ACI-` is a quote.
    let isUTF8: Bool

    init(_ value: ByteView) {
        var end = Self.parameterEnd(value, from: 0)
        form = Self.form(value.prefix(end).trimmed())
        var isUTF8 = true
        while end < value.count {
            let start = end &+ 1
            end = Self.parameterEnd(value, from: start)
            if !Self.keepsUTF8(value.slice(start, end).trimmed()) { isUTF8 = false }
        }
        self.isUTF8 = isUTF8
    }

    private static func form(_ name: ByteView) -> Form {
        if name.equalsIgnoringCase("application/json") { return .json }
        if name.equalsIgnoringCase("application/graphql") { return .graphql }
        if name.equalsIgnoringCase("application/x-www-form-urlencoded") { return .form }
        // RFC 6839 §3.1.
        let suffix = ByteView("+json")
        guard name.count > suffix.count, name.firstIndex(of: UInt8(ascii: ",")) == nil else { return .other }
        return name.dropFirst(name.count &- suffix.count).equalsIgnoringCase(suffix) ? .json : .other
    }

    /// Where the parameter at `start` ends: at a semicolon that stands in no quotes, or with the value.
    private static func parameterEnd(_ value: ByteView, from start: Int) -> Int {
        var isQuoted = false
        var index = start
        while index < value.count {
            switch value[index] {
            case UInt8(ascii: "\""): isQuoted.toggle()
            case UInt8(ascii: "\\") where isQuoted: index &+= 1
            case UInt8(ascii: ";") where !isQuoted: return index
            default: break
            }
            index &+= 1
        }
        return value.count
    }

    private static func keepsUTF8(_ parameter: ByteView) -> Bool {
        guard let equals = parameter.firstIndex(of: UInt8(ascii: "=")) else { return true }
        guard parameter.prefix(equals).trimmed().equalsIgnoringCase("charset") else { return true }
        var value = parameter.dropFirst(equals &+ 1).trimmed()
        if value.count >= 2, value[0] == UInt8(ascii: "\""), value[value.count &- 1] == UInt8(ascii: "\"") {
            value = value.slice(1, value.count &- 1)
        }
        return value.equalsIgnoringCase("utf-8") || value.equalsIgnoringCase("utf8")
            || value.equalsIgnoringCase("us-ascii")
    }
}

extension CallSource {
    /// Checks that the body is bytes of UTF-8 as they are, and says what they are.
    func mediaType() throws(CallStop) -> MediaType.Form {
        if let coding = contentEncoding?.trimmed(), !coding.isEmpty, !coding.equalsIgnoringCase("identity") {
            throw .fault(.contentEncoding)
        }
        guard let contentType else { return .other }
        let type = MediaType(contentType)
        guard type.isUTF8 else { throw .fault(.contentType) }
        return type.form
    }
}
