import HTTPModel
import Settings

/// An answer of the admin listener.
package struct AdminResponse: Sendable {
    package var status: Int
    package var contentType: String
    /// Fields besides those that every answer has. Values are ours: nothing received is put into one.
    package var fields: [(name: String, value: String)]
    package var body: [UInt8]

    package init(
        status: Int = 200, contentType: String, fields: [(name: String, value: String)] = [], body: [UInt8]
    ) {
        self.status = status
        self.contentType = contentType
        self.fields = fields
        self.body = body
    }

    package static func text(_ text: String) -> AdminResponse {
        AdminResponse(contentType: "text/plain; charset=utf-8", body: Array(text.utf8))
    }

    package static func json(_ value: JSONValue, status: Int = 200) -> AdminResponse {
        AdminResponse(status: status, contentType: "application/json", body: Array((value.text + "\n").utf8))
    }

    /// A refusal that a person and a program can read (RFC 9457). `members` stand beside the standard ones.
    package static func problem(
        _ status: Int, _ detail: String, fields: [(name: String, value: String)] = [],
        members: [(String, JSONValue)] = []
    ) -> AdminResponse {
        let standard: [(String, JSONValue)] = [
            ("type", .string("about:blank")), ("title", .string(reason(of: status))),
            ("status", .number(String(status))), ("detail", .string(detail)),
        ]
        return AdminResponse(
            status: status, contentType: "application/problem+json", fields: fields,
            body: Array((JSONValue.object(standard + members).text + "\n").utf8))
    }

    static func reason(of status: Int) -> String {
        status == 411 ? "Length Required" : "\(StatusText.reason(of: status))"
    }

    /// The whole answer as it is sent. The connection ends with it; `withBody` is false for HEAD.
    func message(withBody: Bool) -> [UInt8] {
        var head = "HTTP/1.1 \(status) \(AdminResponse.reason(of: status))\r\n"
        head += "Content-Type: \(contentType)\r\nContent-Length: \(body.count)\r\n"
        for field in fields { head += "\(field.name): \(field.value)\r\n" }
        // What operators see is nobody else's to keep, to guess at, to frame or to embed.
        head += "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nX-Frame-Options: DENY\r\n"
        head += "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n"
        head += "Cross-Origin-Resource-Policy: same-origin\r\nReferrer-Policy: same-origin\r\n"
        head += "Connection: close\r\n\r\n"
        return withBody ? Array(head.utf8) + body : Array(head.utf8)
    }
}
