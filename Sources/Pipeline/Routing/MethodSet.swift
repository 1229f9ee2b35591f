import Bytes
import HTTPModel

/// The methods that a route takes; empty means any.
package struct MethodSet: Sendable {
    private var known: UInt16 = 0
    private var others: [[UInt8]] = []

    /// GET brings HEAD with it (RFC 9110 §9.3.2: HEAD is GET without the body).
    package init(_ tokens: [String]) {
        for token in tokens {
            let bytes = Array(token.utf8)
            let method = bytes.withView { Method($0) }
            if method == .other { others.append(bytes) } else { insert(method) }
            if method == .get { insert(.head) }
        }
    }

    private mutating func insert(_ method: Method) { known |= 1 << UInt16(method.rawValue) }

    package var isAny: Bool { known == 0 && others.isEmpty }

    /// A bit for each method that has a name of its own: all are set where any method is taken.
    var mask: UInt16 { isAny ? .max : known }

    /// Whether it takes methods that have none.
    var hasOthers: Bool { !others.isEmpty }

    package func contains(_ method: Method, _ token: ByteView) -> Bool {
        if isAny { return true }
        guard method == .other else { return known >> UInt16(method.rawValue) & 1 == 1 }
        return others.contains { $0.withView { $0.equals(token) } }
    }

    /// Tokens in a fixed order, for an Allow field.
    package var tokens: [String] {
        let named = Method.allCases.filter { known >> UInt16($0.rawValue) & 1 == 1 }.compactMap {
            $0.token?.description
        }
        return named + others.map { String(decoding: $0, as: UTF8.self) }
    }
}
