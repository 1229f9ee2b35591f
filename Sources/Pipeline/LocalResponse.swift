import Bytes
import Settings
import Telemetry

/// An answer that the gateway makes itself. Readable by people and programs: RFC 9457 problem details with
/// the request's id and the rule, or the body that the operator wrote.
package struct LocalResponse {
    package enum Content {
        /// Problem details made of title, detail, rule and request id.
        case problem
        /// The same, and `Location`: the request's own address by https, at this port.
        case secureRedirect(port: UInt16)
        /// The same of the type `quota-exceeded`, with the limits that refused.
        case quota
        /// What the operator wrote.
        case fixed(FixedBody)
        /// `{"ok":true,"ts":…}`, with the time in milliseconds since 1970.
        case health
        /// None: the leave that a page has asked for, as the route's policy says it.
        case preflight
    }

    package var status: Int
    /// Short and the same for every occurrence.
    package var title: StaticString
    /// What to do about it.
    package var detail: StaticString
    /// The member `error` of a problem, for programs that look for one word; nil leaves it out.
    package var error: StaticString?
    /// The rule that refused, as settings name it.
    package var rule: RuleName?
    /// Seconds until trying again may help.
    package var retryAfter: Int?
    package var content: Content
    /// `Allow` of a 405, as a list of methods.
    package var allow: FixedBody?
    /// Further field lines, each with its CRLF, such as WWW-Authenticate of a 401.
    package var fields: PinnedText?

    package init(
        status: Int, title: StaticString, detail: StaticString, error: StaticString? = nil,
        rule: RuleName? = nil, retryAfter: Int? = nil, content: Content = .problem, allow: FixedBody? = nil,
        fields: PinnedText? = nil
    ) {
        self.status = status
        self.title = title
        self.detail = detail
        self.error = error
        self.rule = rule
        self.retryAfter = retryAfter
        self.content = content
        self.allow = allow
        self.fields = fields
    }
}

extension LocalResponse {
    /// What the operator wrote, where that is the answer.
    package var ownBody: FixedBody? {
        if case .fixed(let body) = content { body } else { nil }
    }

    /// Whether it says that a quota is used up.
    package var isQuota: Bool { if case .quota = content { true } else { false } }

    package static func health(status: Int) -> LocalResponse {
        LocalResponse(status: status, title: "", detail: "", content: .health)
    }
}

/// The name of a rule; by reference, so that a refusal copies nothing.
package final class RuleName: Sendable {
    package let text: PinnedText
    /// Where the rule counts in the metrics.
    package let slot: LimitSlot

    package init(_ text: String, slot: LimitSlot) {
        self.text = PinnedText(text)
        self.slot = slot
    }
}

/// A body that settings prepared, with its media type and further header fields.
package final class FixedBody: Sendable {
    package let bytes: [UInt8]
    package let contentType: String
    /// Whether browsers show it as a page, so that what pages alone need belongs to it.
    package let isPage: Bool
    /// Complete field lines, each with its CRLF.
    package let fieldLines: [UInt8]
    /// Names of those fields in lower case: what the gateway would say itself gives way to them.
    private let fieldNames: [[UInt8]]

    /// - Parameter fields: The operator's own; a Content-Type among them takes the place of `contentType`.
    package init(bytes: [UInt8], contentType: String, fields: [HeaderField] = []) {
        self.bytes = bytes
        let others = fields.filter { $0.name.lowercased() != "content-type" }
        self.contentType = fields.first { $0.name.lowercased() == "content-type" }?.value ?? contentType
        isPage = self.contentType.lowercased().hasPrefix("text/html")
        fieldLines = others.flatMap { Array("\($0.name): \($0.value)\r\n".utf8) }
        fieldNames = others.map { Array($0.name.lowercased().utf8) }
    }

    /// Whether the operator's own fields include this one, named in lower case.
    package func sets(_ name: ByteView) -> Bool {
        fieldNames.contains { own in own.withView { $0.equals(name) } }
    }

    package convenience init(text: String) {
        self.init(bytes: Array(text.utf8), contentType: "text/plain; charset=utf-8")
    }

    package convenience init(json: String) {
        self.init(bytes: Array(json.utf8), contentType: "application/json")
    }
}
