import JWT
import Pipeline
import Slots
import Time

/// Keys that a worker asks for.
package struct WantedKeys {
    /// The token source's name.
    package let source: String
    /// Whether there are some already, and a token names another.
    package let hasKeys: Bool
}

// Keys that tokens are verified with and that come from elsewhere.
extension ProxyCore where Net: ~Copyable {
    /// A source is asked about again after this: what it says until then is known.
    private static var keyPause: Duration { .seconds(1) }
    /// Requests that may wait for one source's keys.
    private static var mostWaiting: Int { 1024 }

    /// Asks whether a source has newer keys. Nil where the exchange waits for that.
    mutating func askForKeys(of source: Int, for id: SlotID, within limit: Duration) -> Answer? {
        // The plan in force has counted them, whichever the exchange began under.
        let name = authenticator.plan.sources[source].name.view.text()
        let waiting = keyWaits[name]?.count ?? 0
        guard waiting < Self.mostWaiting else { return .keys }
        if waiting == 0 {
            guard nextKeyAsk[name, default: .zero] <= now else { return .keys }
            nextKeyAsk[name] = now + Self.keyPause
            wantedKeys.append(WantedKeys(source: name, hasKeys: authenticator.hasRemoteKeys(of: name)))
        }
        keyWaits[name, default: []].append(suspend(id, within: limit))
        return nil
    }

    /// What came of asking for a source's keys.
    ///
    /// - Parameter keys: This worker's own copy; nil where they are what they were.
    package mutating func keysCame(_ keys: KeySet?, of source: String) {
        if let keys {
            authenticator.install(keys, of: source)
            // What these do not hold is worth a question of its own.
            nextKeyAsk[source] = nil
        }
        endKeyWaits(source)
    }

    /// The settings name another place for a source's keys, or none: the old ones are trusted no longer.
    package mutating func keysGone(of source: String) {
        authenticator.removeKeys(of: source)
        endKeyWaits(source)
    }

    private mutating func endKeyWaits(_ source: String) {
        for inquiry in keyWaits.removeValue(forKey: source) ?? [] { answered(inquiry, .keys) }
    }
}
