import Bytes
import HTTPModel

/// The trace that a request belongs to (W3C Trace Context, §3.2 traceparent).
package enum TraceContext: Sendable {
    case none
    /// Index of a valid traceparent field line, which is passed on as it came.
    case taken(field: Int)
    /// Begun here: the trace's id and the id of the gateway's own span; not sampled.
    case begun(trace: UInt128, span: UInt64)

    package static func begin(_ random: inout RandomSource) -> TraceContext {
        let trace = UInt128(random.next()) << 64 | UInt128(random.next())
        // Zero is no valid id.
        return .begun(trace: trace | 1, span: random.next() | 1)
    }

    /// Whether `value` is a traceparent: `version-trace-parent-flags` in lower-case hexadecimal, ids not
    /// zero. Versions above 00 may carry more behind a further dash; ff is forbidden.
    package static func isValid(_ value: ByteView) -> Bool {
        guard value.count >= 55, value[2] == 0x2D, value[35] == 0x2D, value[52] == 0x2D else { return false }
        guard isHexadecimal(value, 0, 2), isHexadecimal(value, 3, 35), isHexadecimal(value, 36, 52) else {
            return false
        }
        guard isHexadecimal(value, 53, 55), !isZero(value, 3, 35), !isZero(value, 36, 52) else {
            return false
        }
        if value[0] == 0x66, value[1] == 0x66 { return false }
        if value[0] == 0x30, value[1] == 0x30 { return value.count == 55 }
        return value.count == 55 || value[55] == 0x2D
    }

    private static func isHexadecimal(_ value: ByteView, _ from: Int, _ to: Int) -> Bool {
        for index in from..<to where !(ASCII.isDigit(value[index]) || value[index] &- 0x61 < 6) {
            return false
        }
        return true
    }

    private static func isZero(_ value: ByteView, _ from: Int, _ to: Int) -> Bool {
        for index in from..<to where value[index] != 0x30 { return false }
        return true
    }
}

extension ByteWriter {
    /// A traceparent value that was begun here.
    package mutating func write(traceparent trace: UInt128, span: UInt64) {
        write("00-")
        write(traceID: trace)
        write("-")
        write(hexadecimal: span, width: 16)
        write("-00")
    }

    package mutating func write(traceID trace: UInt128) {
        write(hexadecimal: UInt64(truncatingIfNeeded: trace >> 64), width: 16)
        write(hexadecimal: UInt64(truncatingIfNeeded: trace), width: 16)
    }
}
