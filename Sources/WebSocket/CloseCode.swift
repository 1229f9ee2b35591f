/// Why a WebSocket ends (RFC 6455 §7.4.1 and IANA's registry).
package struct CloseCode: RawRepresentable, Hashable, Sendable {
    package let rawValue: UInt16

    package init(rawValue: UInt16) { self.rawValue = rawValue }

    package static let normal = CloseCode(rawValue: 1000)
    /// A server goes down, or a page is left.
    package static let goingAway = CloseCode(rawValue: 1001)
    package static let protocolError = CloseCode(rawValue: 1002)
    package static let policyViolation = CloseCode(rawValue: 1008)
    package static let messageTooBig = CloseCode(rawValue: 1009)
    package static let internalError = CloseCode(rawValue: 1011)
    package static let serviceRestart = CloseCode(rawValue: 1012)
    package static let tryAgainLater = CloseCode(rawValue: 1013)
    /// The gateway could not reach, or lost, the server behind it.
    package static let badGateway = CloseCode(rawValue: 1014)

    /// Whether the code may stand in a frame: 1004 is reserved, 1005, 1006 and 1015 are for reports only,
    /// and what is below 1000, between the registries or above 4999 means nothing (RFC 6455 §7.4.2).
    package var maySend: Bool {
        switch rawValue {
        case 1000...1003, 1007...1014, 3000...4999: true
        default: false
        }
    }
}
