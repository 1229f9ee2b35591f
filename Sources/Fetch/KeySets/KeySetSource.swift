import Addressing
import Time

/// Where an issuer's keys come from, as the settings say it.
package struct KeySetSource: Hashable, Sendable {
    package enum Place: Hashable, Sendable {
        case url(HTTPURL, reach: FetchReach, trust: FetchTrust)
        /// A file with a JWK set.
        case file(path: String)
    }

    /// What workers and operators know it by.
    package let name: String
    package let place: Place
    package let timing: KeySetTiming

    package init(name: String, place: Place, timing: KeySetTiming = KeySetTiming()) {
        self.name = name
        self.place = place
        self.timing = timing
    }

    /// For logs: without a query.
    package var placeText: String {
        switch place {
        case .url(let url, _, _): url.description
        case .file(let path): path
        }
    }

    /// A set's text: a hundred RSA keys are 50 KiB.
    package static let longestText = 1 << 20
}

/// How often a set is fetched.
package struct KeySetTiming: Hashable, Sendable {
    /// How long a set is taken for current where its service does not say.
    package var lifetime = Duration.seconds(600)
    /// What a service may say.
    package var shortestLifetime = Duration.seconds(60)
    package var longestLifetime = Duration.seconds(3600)
    /// Between two fetches because of keys that the set does not have.
    package var refetchInterval = Duration.seconds(30)
    /// Pause after a first failure; doubles up to the longest.
    package var firstPause = Duration.seconds(1)
    package var longestPause = Duration.seconds(300)

    package init() {}
}
