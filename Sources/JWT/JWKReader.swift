import Bytes
import JSON

/// Makes a key out of a JWK (RFC 7517 §4, RFC 7518 §6, RFC 8037 §2). Private members are passed over; whether
/// they may be there at all is the set's decision.
struct JWKReader {
    private var members = Members()
    private let text: ByteView

    /// The members that count; everything else in a key is ignored (RFC 7517 §4).
    private struct Members {
        var kty, use, operations, algorithm, kid, curve, x, y, modulus, exponent, secret: JSONElement?
        var isPrivate = false
    }

    enum Failure: Error {
        case skipped(SkippedKey.Reason)
    }

    /// Names of a longer kid are not looked up.
    private static let longestKid = 1024

    init(_ object: JSONElement, in text: ByteView) throws(Failure) {
        self.text = text
        guard var reader = JSONMembers(of: object, in: text) else { throw .skipped(.malformed("kty")) }
        var names = JSONNames()
        while let member = Self.next(&reader) {
            guard names.insert(member.name, in: text) == .new else {
                throw .skipped(.malformed("member, once"))
            }
            take(member)
        }
    }

    private static func next(_ reader: inout JSONMembers) -> JSONMember? {
        // The text was checked whole before: there is nothing left to throw.
        try? reader.next()
    }

    private mutating func take(_ member: JSONMember) {
        let value = member.value
        if named(member, "kty") { members.kty = value }
        if named(member, "use") { members.use = value }
        if named(member, "key_ops") { members.operations = value }
        if named(member, "alg") { members.algorithm = value }
        if named(member, "kid") { members.kid = value }
        if named(member, "crv") { members.curve = value }
        if named(member, "x") { members.x = value }
        if named(member, "y") { members.y = value }
        if named(member, "n") { members.modulus = value }
        if named(member, "e") { members.exponent = value }
        if named(member, "k") { members.secret = value }
        let secrets: [StaticString] = ["d", "p", "q", "dp", "dq", "qi", "oth"]
        if secrets.contains(where: { named(member, $0) }) { members.isPrivate = true }
    }

    private func named(_ member: JSONMember, _ name: StaticString) -> Bool {
        member.name.equals(name, in: text)
    }

    /// A secret, or with a private part.
    var isSecret: Bool {
        members.isPrivate || members.secret != nil || members.kty?.equals("oct", in: text) == true
    }

    func key(algorithms: AlgorithmSet) throws(Failure) -> VerificationKey {
        guard let type = members.kty, type.kind == .string else { throw .skipped(.malformed("kty")) }
        guard try isForVerifying() else { throw .skipped(.otherUse) }
        let kid = try kid()
        let asked = try self.algorithms(within: algorithms)
        if type.equals("oct", in: text) {
            return try secretKey(asked, kid)
        }
        guard let der = try publicForm(type) else { throw .skipped(.unsupported) }
        guard let key = PublicKey(der: der) else { throw .skipped(.unusable(.refused)) }
        do throws(KeyError) {
            return try VerificationKey(publicKey: key, asked, .narrowed, kid: kid)
        } catch {
            if case .algorithmsDoNotFit = error { throw .skipped(.algorithmNotAllowed) }
            throw .skipped(.unusable(error))
        }
    }

    private func secretKey(_ asked: AlgorithmSet, _ kid: [UInt8]?) throws(Failure) -> VerificationKey {
        let secret = try number(members.secret, "k")
        let fitting = asked.intersection(.hmac).members.filter { secret.count >= ($0.hash?.length ?? 0) }
        guard !asked.isDisjoint(with: .hmac) else { throw .skipped(.algorithmNotAllowed) }
        let used = fitting.isEmpty ? asked.intersection(.hmac) : AlgorithmSet(fitting.map(AlgorithmSet.init))
        do throws(KeyError) {
            return try VerificationKey(secret: secret, algorithms: used, kid: kid)
        } catch {
            throw .skipped(.unusable(error))
        }
    }

    /// Nil for a type or a curve that is not known.
    private func publicForm(_ type: JSONElement) throws(Failure) -> [UInt8]? {
        if type.equals("RSA", in: text) {
            let exponent = try number(members.exponent, "e")
            // An even one, or 1, is no exponent of RSA: with 1 every signature is the message itself.
            guard exponent.count <= 8, let last = exponent.last, last & 1 == 1,
                exponent.drop(while: { $0 == 0 }) != [1]
            else { throw .skipped(.malformed("e")) }
            return PublicKeyForm.rsa(modulus: try number(members.modulus, "n"), exponent: exponent)
        }
        let isEdwards = type.equals("OKP", in: text)
        guard isEdwards || type.equals("EC", in: text) else { return nil }
        guard let curve = members.curve, curve.kind == .string else { throw .skipped(.malformed("crv")) }
        if isEdwards {
            guard curve.equals("Ed25519", in: text) else { return nil }
            return PublicKeyForm.ed25519(try x(32))
        }
        if curve.equals("P-256", in: text) { return PublicKeyForm.p256(x: try x(32), y: try y(32)) }
        if curve.equals("P-384", in: text) { return PublicKeyForm.p384(x: try x(48), y: try y(48)) }
        if curve.equals("P-521", in: text) { return PublicKeyForm.p521(x: try x(66), y: try y(66)) }
        return nil
    }

    private func x(_ count: Int) throws(Failure) -> [UInt8] { try number(members.x, "x", count: count) }
    private func y(_ count: Int) throws(Failure) -> [UInt8] { try number(members.y, "y", count: count) }

    private func number(
        _ element: JSONElement?, _ name: String, count: Int? = nil
    ) throws(Failure) -> [UInt8] {
        guard let content = element?.plainString(in: text), let bytes = Base64URL.decode(content),
            !bytes.isEmpty, count == nil || bytes.count == count, bytes.count <= 2048
        else { throw .skipped(.malformed(name)) }
        return bytes
    }

    /// RFC 7517 §4.2 and §4.3: where either is there, it must allow verifying.
    private func isForVerifying() throws(Failure) -> Bool {
        if let use = members.use {
            guard use.kind == .string else { throw .skipped(.malformed("use")) }
            guard use.equals("sig", in: text) else { return false }
        }
        guard let operations = members.operations else { return true }
        guard var items = JSONItems(of: operations, in: text) else { throw .skipped(.malformed("key_ops")) }
        while let item = try? items.next() {
            if item.equals("verify", in: text) { return true }
        }
        return false
    }

    private func kid() throws(Failure) -> [UInt8]? {
        guard let element = members.kid else { return nil }
        guard let kid = element.bytes(in: text), kid.count <= Self.longestKid else {
            throw .skipped(.malformed("kid"))
        }
        return kid
    }

    /// `alg` narrows what the issuer allows (RFC 7517 §4.4).
    private func algorithms(within allowed: AlgorithmSet) throws(Failure) -> AlgorithmSet {
        guard let element = members.algorithm else { return allowed }
        guard let name = element.bytes(in: text) else { throw .skipped(.malformed("alg")) }
        guard let algorithm = name.withView({ Algorithm($0) }) else { throw .skipped(.unsupported) }
        guard allowed.holds(algorithm) else { throw .skipped(.algorithmNotAllowed) }
        return AlgorithmSet(algorithm)
    }
}
