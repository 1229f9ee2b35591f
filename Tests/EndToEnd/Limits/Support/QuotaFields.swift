import Foundation
import Testing

/// `RateLimit` or `RateLimit-Policy` as a client reads it: a list of quoted names with parameters
/// (draft-ietf-httpapi-ratelimit-headers-10 §3 and §4).
struct QuotaField: Equatable {
    struct Item: Equatable {
        let name: String
        let parameters: [String: Int]
    }

    let items: [Item]

    /// Nil for what is no such list.
    init?(_ text: String?) {
        guard let text else { return nil }
        var items: [Item] = []
        for member in text.components(separatedBy: ", ") {
            let parts = member.components(separatedBy: ";")
            let name = parts[0]
            guard name.count > 2, name.hasPrefix("\""), name.hasSuffix("\"") else { return nil }
            var parameters: [String: Int] = [:]
            for part in parts.dropFirst() {
                let pair = part.components(separatedBy: "=")
                guard pair.count == 2, let value = Int(pair[1]), value >= 0, parameters[pair[0]] == nil
                else { return nil }
                parameters[pair[0]] = value
            }
            items.append(Item(name: String(name.dropFirst().dropLast()), parameters: parameters))
        }
        self.items = items
    }

    func value(_ parameter: String, of name: String) -> Int? {
        items.first { $0.name == name }?.parameters[parameter]
    }
}

extension RawResponse {
    var quota: QuotaField? { QuotaField(value("RateLimit")) }
    var policy: QuotaField? { QuotaField(value("RateLimit-Policy")) }
    var retryAfter: Int? { value("Retry-After").flatMap { Int($0) } }

    /// The problem details of a refusal by these rules, as the draft has them (§6.1).
    func expectQuotaExceeded(
        _ rules: [String], sourceLocation: SourceLocation = #_sourceLocation
    ) {
        #expect(status == 429, sourceLocation: sourceLocation)
        let details = problem(sourceLocation: sourceLocation)
        #expect(
            details["type"] as? String
                == "https://iana.org/assignments/http-problem-types#quota-exceeded",
            sourceLocation: sourceLocation)
        #expect(details["violated-policies"] as? [String] == rules, sourceLocation: sourceLocation)
    }
}
