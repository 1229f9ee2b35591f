import Bytes
import HTTP1
import HTTPModel

/// A generator that makes the same numbers from the same seed (SplitMix64).
struct Seeded: RandomNumberGenerator {
    var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

/// What a parser said about some bytes, in words that can be compared.
enum Verdict: Equatable, CustomStringConvertible {
    case head(String, length: Int)
    case incomplete
    case refused(HeadError)

    var description: String {
        switch self {
        case .head(let summary, let length): "\(length): \(summary)"
        case .incomplete: "incomplete"
        case .refused(let error): "refused: \(error)"
        }
    }

    var error: HeadError? {
        if case .refused(let error) = self { return error }
        return nil
    }

    var length: Int? {
        if case .head(_, let length) = self { return length }
        return nil
    }
}

extension RequestHead {
    var summary: String {
        var text =
            "\(methodBytes.text()) \(method) \(form) path=\(pathBytes.text()) "
        text += "query=\(queryBytes?.text() ?? "-") "
        text +=
            "authority=\(authorityBytes?.text() ?? "-") 1.\(minorVersion) \(framing) keepAlive=\(keepAlive) "
        text +=
            "continue=\(expectsContinue) upgrade=\(wantsUpgrade) "
        text += "others=\(connectionListsOthers) at \(fieldsStart)"
        for index in 0..<fields.count {
            let line = line(at: index)
            text += "\n[\(fields[index].name)] \(name(at: index).text())=\(value(at: index).text())"
            text += " \(connectionLists(nameAt: index)) \(bytes.slice(line.start, line.end).text())"
        }
        return text
    }
}

extension ResponseHead {
    var summary: String {
        var text = "\(status) \(reasonBytes.text()) 1.\(minorVersion) \(framing) keepAlive=\(keepAlive) "
        text += "others=\(connectionListsOthers) at \(fieldsStart)"
        for index in 0..<fields.count {
            text += "\n[\(fields[index].name)] \(name(at: index).text())=\(value(at: index).text())"
        }
        return text
    }
}

/// Parses `bytes`, which arrive in pieces that end at `cuts`, with one head for all calls or a fresh one for
/// each.
func parseRequest(_ bytes: [UInt8], cuts: [Int] = [], limits: HeadLimits = HeadLimits()) -> Verdict {
    var parser = RequestParser(limits: limits)
    for cut in cuts + [bytes.count] {
        // A fresh copy each time: a parser that kept a view of an earlier call would be caught.
        let verdict = Array(bytes[..<cut]).withView { view -> Verdict in
            var head = RequestHead()
            do throws(HeadError) {
                guard let length = try parser.parse(view, into: &head) else { return .incomplete }
                return .head(head.summary, length: length)
            } catch {
                return .refused(error)
            }
        }
        if verdict != .incomplete { return verdict }
    }
    return .incomplete
}

func parseRequest(_ text: String, limits: HeadLimits = HeadLimits()) -> Verdict {
    parseRequest(Array(text.utf8), limits: limits)
}

func parseResponse(
    _ bytes: [UInt8], answering method: Method = .get, cuts: [Int] = [], limits: HeadLimits = HeadLimits()
) -> Verdict {
    var parser = ResponseParser(limits: limits)
    for cut in cuts + [bytes.count] {
        let verdict = Array(bytes[..<cut]).withView { view -> Verdict in
            var head = ResponseHead()
            do throws(HeadError) {
                guard let length = try parser.parse(view, answering: method, into: &head) else {
                    return .incomplete
                }
                return .head(head.summary, length: length)
            } catch {
                return .refused(error)
            }
        }
        if verdict != .incomplete { return verdict }
    }
    return .incomplete
}

/// Gives `body` the parsed head of a request that must be valid.
func withRequest<R>(_ text: String, _ body: (borrowing RequestHead) -> R) -> R? {
    Array(text.utf8).withView { view in
        var head = RequestHead()
        var parser = RequestParser(limits: HeadLimits())
        guard (try? parser.parse(view, into: &head)) != nil else { return nil }
        return body(head)
    }
}

func withResponse<R>(_ text: String, answering method: Method = .get, _ body: (borrowing ResponseHead) -> R)
    -> R?
{
    Array(text.utf8).withView { view in
        var head = ResponseHead()
        var parser = ResponseParser(limits: HeadLimits())
        guard (try? parser.parse(view, answering: method, into: &head)) != nil else { return nil }
        return body(head)
    }
}

/// A request with `lines` behind a valid request line and Host.
func request(_ lines: String...) -> String {
    "POST /a HTTP/1.1\r\nHost: a.example\r\n" + lines.map { $0 + "\r\n" }.joined() + "\r\n"
}

func response(_ lines: String...) -> String {
    "HTTP/1.1 200 OK\r\n" + lines.map { $0 + "\r\n" }.joined() + "\r\n"
}
