import Bytes
import JSON

/// The members of a token's header that count (RFC 7515 §4.1). Where a key could be found otherwise than
/// among the configured ones, `jku`, `jwk`, `x5u`, `x5c`, is ignored like everything unknown (RFC 8725
/// §3.10).
struct JOSEHeader {
    let algorithm: JSONElement
    private(set) var kid: JSONElement?
    private(set) var type: JSONElement?

    /// Members may hold objects, as `jwk` does.
    private static let limits = JSONLimits(depth: 8)

    init(_ text: ByteView) throws(TokenError) {
        guard var members = try? JSONMembers(text, limits: Self.limits) else { throw .badHeader }
        var names = JSONNames()
        var algorithm: JSONElement?
        while let member = try Self.next(&members) {
            switch names.insert(member.name, in: text) {
            case .new: break
            case .duplicate: throw .duplicateHeader
            case .full: throw .badHeader
            }
            switch Self.meaning(of: member.name, in: text) {
            case .algorithm: algorithm = member.value
            case .kid: kid = try Self.string(member.value)
            case .type: type = try Self.string(member.value)
            case .critical: throw .criticalExtension
            case .unencoded: if member.value.kind != .true { throw .unencodedPayload }
            case .transformed: throw .encryptedOrCompressed
            case .ignored: break
            }
        }
        guard let algorithm else { throw .unknownAlgorithm }
        self.algorithm = algorithm
    }

    private enum Meaning {
        case algorithm, kid, type, critical, unencoded, transformed, ignored
    }

    private static func meaning(of name: JSONElement, in text: ByteView) -> Meaning {
        if name.equals("alg", in: text) { return .algorithm }
        if name.equals("typ", in: text) { return .type }
        if name.equals("kid", in: text) { return .kid }
        if name.equals("crit", in: text) { return .critical }
        if name.equals("b64", in: text) { return .unencoded }
        if name.equals("zip", in: text) || name.equals("enc", in: text) { return .transformed }
        return .ignored
    }

    private static func next(_ members: inout JSONMembers) throws(TokenError) -> JSONMember? {
        do throws(JSONFault) { return try members.next() } catch { throw .badHeader }
    }

    private static func string(_ element: JSONElement) throws(TokenError) -> JSONElement {
        guard element.kind == .string else { throw .badHeader }
        return element
    }
}
