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

    /// The names as `JSONElement.word` has them, the first letter lowest.
    private enum Name {
        static let alg: UInt64 = 0x67_6C_61
        static let typ: UInt64 = 0x70_79_74
        static let kid: UInt64 = 0x64_69_6B
        static let crit: UInt64 = 0x74_69_72_63
        static let b64: UInt64 = 0x34_36_62
        static let zip: UInt64 = 0x70_69_7A
        static let enc: UInt64 = 0x63_6E_65
    }

    private static func meaning(of name: JSONElement, in text: ByteView) -> Meaning {
        guard !name.isEscaped else { return escapedMeaning(of: name, in: text) }
        return switch name.word(in: text) {
        case Name.alg: .algorithm
        case Name.typ: .type
        case Name.kid: .kid
        case Name.crit: .critical
        case Name.b64: .unencoded
        case Name.zip, Name.enc: .transformed
        default: .ignored
        }
    }

    /// Nobody writes these names with escapes but to hide them.
    private static func escapedMeaning(of name: JSONElement, in text: ByteView) -> Meaning {
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
