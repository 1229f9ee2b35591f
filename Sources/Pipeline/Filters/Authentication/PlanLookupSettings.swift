import Addressing
import JSON
import Settings

/// Where the plans of users are asked for whose tokens tell none.
package struct PlanLookupSettings: Equatable, Sendable {
    package var url: URLTemplate?
    /// Path of the plan in the answer.
    package var member = "plan"
    package var allowsPrivate = false
    /// PEM file of the authorities that the backend is verified by; nil are the system's.
    package var authorities: String?
    package var headers: [HeaderField] = []
    package var budget = Duration.milliseconds(500)
    /// What the file of authorities holds; read with the settings.
    package var authorityBytes: [UInt8] = []

    package init() {}
}

extension PlanLookupSettings {
    package static let section = Section(
        """
        Where the plans of users are asked for whose tokens tell none: a backend that answers with JSON. \
        What it says is kept for ten minutes, and stays in use while the backend is down.
        """,
        initial: PlanLookupSettings(),
        fields: [
            Field(
                "url", \.url, .optional(.urlTemplate), .required, reload: .live,
                "URL with the place of the user's id (`sub`), {sub}, in its path or its query.",
                example: "\"http://127.0.0.1:3000/internal/plan?user={sub}\""),
            Field(
                "member", \.member, .claimPath, reload: .live,
                "Where the plan stands in the answer.", example: "subscription.plan"),
            Field(
                "allow_private", \.allowsPrivate, .bool, reload: .live,
                "Whether the URL may lead to an address of this machine or a private network.",
                example: "true"),
            Field(
                "authorities", \.authorities, .optional(.text("a file's path", maxLength: 4096)),
                reload: .live,
                "PEM file of the authorities that the backend is verified by; the system's without it.",
                example: "Certs/authority.pem"),
            Field(
                "headers", \.headers, .headers("a map of headers", allowsFraming: false), visibility: .secret,
                reload: .live,
                "Fields of the request, such as one that shows the backend who asks.",
                example: "{ Authorization: \"Bearer ${PLAN_TOKEN:-none}\" }"),
            Field(
                "timeout", \.budget, .duration(.milliseconds(10)...(.seconds(10))), reload: .live,
                "How long a request waits for its user's plan; then it goes on with the last one known, or "
                    + "with `default_plan`.",
                example: "200ms"),
        ])
}

extension Kind where Value == URLTemplate {
    fileprivate static var urlTemplate: Kind {
        .scalar("an http or https URL with {sub} in its path or its query") { text throws(Refusal) in
            do throws(HTTPURL.Problem) {
                return try URLTemplate(text)
            } catch {
                throw Refusal("\(error)")
            }
        } write: {
            YAMLText.scalar($0.description)
        }
    }
}
