import Bytes
import JSON

/// The keys of an issuer. Does not change once made; a new set takes its place.
package final class KeySet: Sendable {
    /// In the order in which they came.
    package let keys: [VerificationKey]
    /// Keys of the text that are left out: the first few, and how many there are.
    package let skipped: [SkippedKey]
    package let skippedCount: Int
    /// Places in `keys` of those with a kid, in the order of their kids: equal ones stay in the set's order.
    private let named: [Int]
    private let unnamed: [Int]

    package struct Limits: Sendable {
        /// Bytes of the text.
        package var length: Int
        package var keys: Int

        package init(length: Int = 1 << 20, keys: Int = 1000) {
            self.length = length
            self.keys = keys
        }
    }

    /// Where a set comes from.
    package enum Source: Sendable {
        /// A public place: a secret in it is one no longer, and the set is refused.
        case remote
        /// The operator's own file: secrets are used, private parts passed over.
        case local
    }

    /// Skipped keys that are told one by one.
    private static let mostTold = 16
    /// Keys that a token is tried with, at most: each costs a verification, and the token's sender pays for
    /// none.
    package static let mostTries = 4

    package init(keys: [VerificationKey], skipped: [SkippedKey] = []) {
        self.keys = keys
        self.skipped = Array(skipped.prefix(Self.mostTold))
        skippedCount = skipped.count
        unnamed = keys.indices.filter { keys[$0].kid == nil }
        named = keys.indices.filter { keys[$0].kid != nil }.sorted { left, right in
            let order = Self.order(keys[left], keys[right])
            return order == 0 ? left < right : order < 0
        }
    }

    private static func order(_ left: VerificationKey, _ right: VerificationKey) -> Int {
        (left.kid ?? []).withView { left in (right.kid ?? []).withView { left.order($0) } }
    }

    /// Reads a JWK set (RFC 7517 §5). Keys of unknown types are left out, as are those that `algorithms` has
    /// no use for. Two keys with one kid are both kept, and a token is tried with each that fits its
    /// algorithm.
    package convenience init(
        jwks text: ByteView, source: Source, algorithms: AlgorithmSet, limits: Limits = Limits()
    ) throws(KeySetError) {
        guard text.count <= limits.length else { throw .tooLong(bytes: limits.length) }
        let elements = try Self.elements(of: text, limits)
        var keys: [VerificationKey] = []
        var skipped: [SkippedKey] = []
        for (index, element) in elements.enumerated() {
            switch Self.read(element, in: text, algorithms) {
            case .key(_, isSecret: true) where source == .remote,
                .skipped(_, isSecret: true) where source == .remote:
                throw .secretInPublicSet(index: index)
            case .key(let key, _): keys.append(key)
            case .skipped(let reason, _): skipped.append(SkippedKey(index: index, reason: reason))
            }
        }
        guard !keys.isEmpty else { throw .nothingUsable(skipped: skipped.count, first: skipped.first) }
        self.init(keys: keys, skipped: skipped)
    }

    private enum Entry {
        case key(VerificationKey, isSecret: Bool)
        case skipped(SkippedKey.Reason, isSecret: Bool)
    }

    private static func read(_ element: JSONElement, in text: ByteView, _ algorithms: AlgorithmSet) -> Entry {
        var isSecret = false
        do throws(JWKReader.Failure) {
            let reader = try JWKReader(element, in: text)
            isSecret = reader.isSecret
            return .key(try reader.key(algorithms: algorithms), isSecret: isSecret)
        } catch {
            switch error {
            case .skipped(let reason): return .skipped(reason, isSecret: isSecret)
            }
        }
    }

    /// What stands in `keys`, counted before any of it is looked at.
    private static func elements(of text: ByteView, _ limits: Limits) throws(KeySetError) -> [JSONElement] {
        var array: JSONElement?
        var arrays = 0
        do throws(JSONFault) {
            var members = try JSONMembers(text, limits: JSONLimits(length: limits.length, depth: 16))
            while let member = try members.next() {
                guard member.name.equals("keys", in: text) else { continue }
                array = member.value
                arrays += 1
            }
        } catch { throw .notJSON(error) }
        guard arrays == 1, let array, var items = JSONItems(of: array, in: text) else { throw .noKeys }
        var elements: [JSONElement] = []
        while let item = try? items.next() {
            guard elements.count < limits.keys else { throw .tooManyKeys(limit: limits.keys) }
            elements.append(item)
        }
        return elements
    }

    /// Whether a key is known by this name.
    package func holds(kid: ByteView) -> Bool { firstNamed(kid) != nil }

    /// Place in `named` of the first key with this kid, by halving: a set may have a thousand.
    private func firstNamed(_ kid: ByteView) -> Int? {
        var (low, high) = (0, named.count)
        while low < high {
            let middle = (low + high) / 2
            if compare(named[middle], kid) < 0 { low = middle + 1 } else { high = middle }
        }
        return low < named.count && compare(named[low], kid) == 0 ? low : nil
    }

    private func compare(_ place: Int, _ kid: ByteView) -> Int {
        keys[place].kid?.withView { $0.order(kid) } ?? -1
    }

    /// How a token stands to the keys of a set.
    enum Judgement: Equatable {
        case verified
        /// Keys were tried, and none has signed it.
        case badSignature
        /// No key has its kid.
        case unknownKey
        /// There are keys, but none for its algorithm.
        case noFittingKey
    }

    /// Tries the keys that the token may be signed with: those with its kid, else those without any, which a
    /// kid says nothing about. A token without a kid is tried with all. `tries` are what is left of them,
    /// over several sets.
    func judge(
        _ token: SignedToken, in workshop: borrowing Workshop, tries: inout Int
    ) -> Judgement {
        guard let kid = token.kid else {
            return judge(keys.indices, token, in: workshop, tries: &tries)
        }
        guard let first = firstNamed(kid) else {
            let judgement = judge(unnamed, token, in: workshop, tries: &tries)
            // Where keys have names, one that is not there may have come in the meantime.
            return judgement == .verified || named.isEmpty ? judgement : .unknownKey
        }
        var last = first
        while last < named.count, compare(named[last], kid) == 0 { last += 1 }
        return judge(named[first..<last], token, in: workshop, tries: &tries)
    }

    private func judge(
        _ places: some Sequence<Int>, _ token: SignedToken, in workshop: borrowing Workshop,
        tries: inout Int
    ) -> Judgement {
        var judgement = Judgement.noFittingKey
        for place in places where keys[place].algorithms.holds(token.algorithm) {
            guard tries > 0 else { break }
            tries -= 1
            judgement = .badSignature
            let isSigned = keys[place].verify(
                token.signature, of: token.signingInput, token.algorithm, in: workshop)
            if isSigned { return .verified }
        }
        return judgement
    }

    /// The same set for another thread.
    package func copy() -> KeySet { KeySet(keys: keys.map { $0.copy() }, skipped: skipped) }
}
