import Addressing
import Bytes
import Fetch
import JSON
import JWT
import Pipeline
import Proxy
import Reactor
import Synchronization
import Telemetry
import Time

/// What the gateway asks on its own account: key sets and plans, through one client.
final class Services: Sendable {
    let keySets: KeySets<KeySet>
    let plans: PlanLookups
    private let loop: FetchLoop
    private let crew: Crew

    init(events: EventLog) throws(SystemError) {
        let loop = try FetchLoop()
        let crew = Crew()
        self.loop = loop
        self.crew = crew
        keySets = KeySets(
            events: events, ask: { loop.fetch($0, then: $1) },
            parse: { bytes, source throws(KeySets<KeySet>.Unusable) in
                try Services.parse(bytes, source, events)
            },
            publish: { name, news in
                switch news {
                case .keys(let keys): crew.tell(.keys(source: name, .keys(keys)))
                case .gone: crew.tell(.keys(source: name, .gone))
                }
            })
        plans = PlanLookups(events: events, ask: { loop.fetch($0, then: $1) })
    }

    /// These workers are told of keys from now on.
    func serve(_ workers: [Worker]) { crew.join(workers) }

    /// Asks for what the settings name, and for nothing else. Nothing is waited for.
    func follow(_ identity: IdentitySettings) {
        keySets.follow(identity.tokens.compactMap(KeySetSource.init))
        plans.follow(identity.planLookup.flatMap(PlanSource.init))
    }

    func stop() { loop.stop() }

    private static func parse(
        _ bytes: [UInt8], _ source: KeySetSource, _ events: EventLog
    ) throws(KeySets<KeySet>.Unusable) -> KeySets<KeySet>.Parsed {
        let result = bytes.withView { text -> Result<KeySet, KeySetError> in
            Result { () throws(KeySetError) in
                try KeySet(jwks: text, source: .remote, algorithms: .all)
            }
        }
        switch result {
        case .failure(let error): throw KeySets<KeySet>.Unusable(error.description)
        case .success(let keys):
            if let skipped = keys.skipped.first {
                events.log(
                    .info, "keys of a set are left out",
                    ["name": source.name, "keys": "\(keys.skippedCount)", "first": "\(skipped)"],
                    about: source.name, atMostEvery: .seconds(3600))
            }
            return KeySets.Parsed(keys: keys, count: keys.keys.count)
        }
    }
}

/// The workers, once there are some.
private final class Crew: Sendable {
    private let workers = Mutex<[Worker]>([])

    func join(_ workers: [Worker]) { self.workers.withLock { $0 = workers } }

    func tell(_ message: WorkerMessage) {
        for worker in workers.withLock({ $0 }) { worker.post(message) }
    }
}

extension KeySetSource {
    /// Nil where the keys come from the settings and their files alone.
    init?(_ settings: TokenSettings) {
        guard case .url(let url) = settings.keys else { return nil }
        self.init(
            name: settings.name,
            place: .url(
                url, reach: settings.allowsPrivateKeys ? .local : .global,
                trust: settings.authorities == nil ? .system : .authorities(settings.material.authorities)))
    }
}

extension PlanSource {
    init?(_ settings: PlanLookupSettings) {
        guard let url = settings.url, let member = try? JSONPath(settings.member) else { return nil }
        self.init(url, member: member)
        reach = settings.allowsPrivate ? .local : .global
        trust = settings.authorities == nil ? .system : .authorities(settings.authorityBytes)
        fields = settings.headers.map { PlanField(name: $0.name, value: $0.value) }
    }
}
