import Addressing
import Bytes
import HTTP1
import HTTPModel
import Pipeline
import Telemetry

extension ExchangeState {
    /// The state behind a request's head, as the parser leaves it. The pool must outlive it.
    static func of(
        _ text: String, peer: IPAddress = .loopback, pool: inout BufferPool, encrypted: Bool = false
    ) throws -> ExchangeState {
        let bytes = Array((text.replacing("\n", with: "\r\n") + "\r\n\r\n").utf8)
        var buffer = pool.take(holding: bytes.count)
        bytes.withView { buffer.append($0) }
        var head = RequestHead()
        var parser = RequestParser(limits: HeadLimits(maximumBytes: 65535))
        guard try parser.parse(buffer.view, into: &head) != nil else { throw NoHead() }
        return ExchangeState(
            head: head, buffer: buffer, peer: peer, isEncrypted: encrypted, localPort: 8080)
    }

    struct NoHead: Error {}
}

/// Makes a state, asks about it and gives its block back.
func withState<Result>(
    _ text: String = "GET / HTTP/1.1\nHost: a.test", peer: IPAddress = .loopback,
    _ body: (inout ExchangeState) throws -> Result
) throws -> Result {
    var pool = BufferPool()
    var state = try ExchangeState.of(text, peer: peer, pool: &pool)
    let result = try body(&state)
    var tables = FieldTablePool()
    state.giveBack(to: &pool, &tables)
    return result
}

extension Verdict {
    /// The status that the verdict answers with; nil where the request goes on.
    var status: Int? {
        guard case .respond(let response) = self else { return nil }
        return response.status
    }
}

extension IPAddress {
    init(literal text: String) { self = IPAddress(text)! }
}
