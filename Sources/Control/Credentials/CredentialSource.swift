import Stores

/// What the admin listener changes of who is believed. Asked on the admin listener's thread.
package protocol CredentialSource: Sendable {
    /// The file that the settings keep API keys in; nil where they stand in `apiKeys`.
    var keyFile: String? { get }
    /// Whether API keys are taken at all.
    var takesKeys: Bool { get }
    var apiKeys: SharedTable { get }
    var revocations: SharedTable { get }
}

extension Gateway: CredentialSource {
    package var keyFile: String? { settings.identity.apiKeys?.file }
    package var takesKeys: Bool { settings.identity.apiKeys != nil }
    package var apiKeys: SharedTable { shared.apiKeys }
    package var revocations: SharedTable { shared.revocations }
}
