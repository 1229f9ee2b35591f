import Bytes
import HTTPModel

/// What can still be told of a request whose head was refused: the log wants to name it, and an answer to
/// HEAD has no body whatever was wrong.
package enum RefusedHead {
    /// The request line that `bytes` begin with, as far as it is there: empty lines before it are left out.
    package static func requestLine(of bytes: ByteView) -> ByteView {
        var start = 0
        while start < bytes.count, bytes[start] == ASCII.carriageReturn || bytes[start] == ASCII.lineFeed {
            start &+= 1
        }
        let rest = bytes.dropFirst(start)
        return rest.prefix(rest.firstIndex(of: ASCII.lineFeed).map { $0 &+ 1 } ?? rest.count)
    }

    /// Value of the Origin line among `bytes`, whatever is wrong with the others: pages shall be able to read
    /// why a head was refused. Nil where there is none, where its end has not come, or where two differ.
    package static func origin(in bytes: ByteView) -> ByteView? {
        var found: ByteView?
        var start = (bytes.firstIndex(of: ASCII.lineFeed) ?? bytes.count - 1) &+ 1
        while let end = bytes.firstIndex(of: ASCII.lineFeed, from: start) {
            let line = bytes.slice(start, end)
            start = end &+ 1
            guard line.count > 7, line.prefix(7).equalsIgnoringCase("origin:") else { continue }
            let rest = line.dropFirst(7)
            let value = (rest[rest.count - 1] == ASCII.carriageReturn ? rest.prefix(rest.count - 1) : rest)
                .trimmed()
            if let found, !found.equals(value) { return nil }
            found = value
        }
        return found
    }

    /// Sets what `line` says in a head that is new: the method where one can be read, target and version
    /// where all of the line is as it should be.
    package static func read(_ line: ByteView, into head: inout RequestHead) {
        head.method = .other
        let limits = HeadLimits(maximumBytes: .max, maximumTarget: .max)
        let end = try? RequestLine.parse(line, limits, into: &head)
        guard head.methodLength > 0 else { return }
        head.bytes = line
        guard end == nil else { return }
        head.form = .origin
        head.path = (0, 0)
        head.query = nil
        head.authority = nil
        head.minorVersion = 1
    }
}
