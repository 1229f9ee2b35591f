import Bytes

/// What gRPC says in heads and trailers (grpc.io, "gRPC over HTTP2").
package enum GRPC {
    /// Whether a Content-Type is gRPC's: `application/grpc`, with a format or parameters behind it. gRPC-Web
    /// is another protocol, whose trailers stand in the body.
    package static func isNamed(by contentType: ByteView) -> Bool {
        let name = ByteView("application/grpc")
        guard contentType.count >= name.count, contentType.prefix(name.count).equalsIgnoringCase(name) else {
            return false
        }
        guard contentType.count > name.count else { return true }
        let next = contentType[name.count]
        return next == 0x2B || next == 0x3B || next == 0x20
    }

    /// The code that says what an HTTP status says: as clients map it, and more exactly where the gateway
    /// knows more ("HTTP to gRPC Status Code Mapping").
    package static func code(forStatus status: Int) -> Int {
        switch status {
        case 400: 13  // INTERNAL
        case 401: 16  // UNAUTHENTICATED
        case 403: 7  // PERMISSION_DENIED
        case 404: 12  // UNIMPLEMENTED
        case 413, 429: 8  // RESOURCE_EXHAUSTED
        case 502, 503: 14  // UNAVAILABLE
        case 504: 4  // DEADLINE_EXCEEDED
        default: 2  // UNKNOWN
        }
    }

    /// `grpc-timeout`: up to eight digits and a unit. Nil where it is neither.
    package static func timeout(_ value: ByteView) -> Duration? {
        guard (2...9).contains(value.count), let count = value.prefix(value.count - 1).decimal() else {
            return nil
        }
        return switch value[value.count - 1] {
        case 0x48: .seconds(count * 3600)  // H
        case 0x4D: .seconds(count * 60)  // M
        case 0x53: .seconds(count)  // S
        case 0x6D: .milliseconds(count)  // m
        case 0x75: .microseconds(count)  // u
        case 0x6E: .nanoseconds(count)  // n
        default: nil
        }
    }

    /// `grpc-status` among the lines of a head or of trailers. Nil where there is none.
    package static func status(in lines: ByteView) -> Int? {
        let name = ByteView("grpc-status:")
        var start = 0
        while start < lines.count {
            let end = lines.firstIndex(of: 0x0A, from: start) ?? lines.count
            let isWhole = end > start && lines[end - 1] == 0x0D
            let line = lines.slice(start, isWhole ? end - 1 : end)
            if line.count > name.count, line.prefix(name.count).equalsIgnoringCase(name) {
                return line.dropFirst(name.count).trimmed().decimal()
            }
            start = end + 1
        }
        return nil
    }
}
