import Bytes
import JSON

/// Finds the plan in a backend's answer.
enum PlanReader {
    /// Bytes of a plan's name.
    static let longestPlan = 64

    /// - Returns: `unknown` for what is no JSON object, and where something else than a name stands there.
    static func plan(in answer: [UInt8], at member: JSONPath) -> PlanValue {
        answer.withView { text in
            guard let whole = try? JSONScanner.check(text, limits: JSONLimits()), whole.kind == .object else {
                return .unknown
            }
            guard let element = member.find(in: text) else { return .noPlan }
            switch element.kind {
            case .null: return .noPlan
            case .string:
                guard let name = element.bytes(in: text), isName(name) else { return .unknown }
                return .plan(name)
            // Plans that are numbered.
            case .number:
                guard let number = element.integer(in: text) else { return .unknown }
                return .plan(Array("\(number)".utf8))
            case .object, .array, .true, .false: return .unknown
            }
        }
    }

    /// Visible characters, as the settings write plans; so it may stand in a log and in a header field.
    private static func isName(_ name: [UInt8]) -> Bool {
        (1...longestPlan).contains(name.count)
            && name.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != 0x22 }
    }
}
