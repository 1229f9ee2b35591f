import Bytes
import HTTPModel
import Time

/// Gives every request an id and a trace. An id from a trusted peer is kept if it is sane; a stranger's never
/// is, or it could write another's lines into the logs.
package struct RequestIDFilter: Sendable {
    /// Bytes an id taken over may have.
    package static let longest = 128

    package init() {}

    package func decide(_ exchange: inout ExchangeState, time: WallTime, random: inout RandomSource)
        -> Verdict
    {
        if exchange.peerIsTrusted, let field = exchange.head.fields.firstIndex(of: .xRequestID),
            RequestIDFilter.isSane(exchange.head.value(at: field))
        {
            exchange.requestID = .taken(field: field)
        } else {
            exchange.requestID = .make(time, &random)
        }
        if let field = exchange.head.fields.firstIndex(of: .traceparent),
            exchange.head.fields.firstIndex(of: .traceparent, from: field + 1) == nil,
            TraceContext.isValid(exchange.head.value(at: field))
        {
            exchange.trace = .taken(field: field)
        } else {
            exchange.trace = .begin(&random)
        }
        return .next
    }

    /// Letters, digits and `-_.:+/=@`, as ids and their encodings are made of.
    private static func isSane(_ value: ByteView) -> Bool {
        guard !value.isEmpty, value.count <= longest else { return false }
        for index in 0..<value.count {
            let byte = value[index]
            let isPlain = ASCII.isLetter(byte) || ASCII.isDigit(byte)
            guard isPlain || ByteView("-_.:+/=@").firstIndex(of: byte) != nil else { return false }
        }
        return true
    }
}
