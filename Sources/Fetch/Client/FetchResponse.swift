/// An answer, whole.
package struct FetchResponse: Equatable, Sendable {
    /// 200 to 599 without redirects.
    package let status: Int
    /// As the service says it.
    package let contentType: String?
    /// How long the answer is still good (RFC 9111 §4.2.1: max-age less Age); zero where it must not be
    /// kept, nil where the service does not say.
    package let freshness: Duration?
    package let body: [UInt8]

    package var isSuccess: Bool { (200...299).contains(status) }
}
