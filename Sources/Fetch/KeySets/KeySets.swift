import Bytes
import Reactor
import Synchronization
import Telemetry
import Time

/// The key sets that the settings name: fetched, watched and handed to the workers (R11). Nothing waits for
/// them: a gateway starts without, keeps what it has when a service is gone, and says so.
///
/// - Parameter Keys: a set as workers use it.
package final class KeySets<Keys: Sendable>: Sendable {
    package struct Parsed: Sendable {
        package let keys: Keys
        package let count: Int

        package init(keys: Keys, count: Int) {
            self.keys = keys
            self.count = count
        }
    }

    /// What workers are told of a name.
    package enum News: Sendable {
        case keys(Keys)
        /// The settings have another place for this name, or none: keys of the old one are not trusted any
        /// longer.
        case gone
    }

    /// Why a text is no key set.
    package struct Unusable: Error, Sendable {
        package let reason: String
        package init(_ reason: String) { self.reason = reason }
    }

    package typealias Ask = @Sendable (FetchRequest, @escaping @Sendable (FetchLoop.Answer) -> Void) -> Void
    package typealias Parse = @Sendable ([UInt8], KeySetSource) throws(Unusable) -> Parsed

    private struct Entry {
        let source: KeySetSource
        /// Tells it from an earlier one of the same name, whose answers may still be on their way.
        let number: Int
        var keeper: KeySetKeeper
        var keys: Keys?
        var file = FileWatch()
        /// To be called when the fetch in work has ended.
        var waiters: [@Sendable () -> Void] = []
        var successes: UInt64 = 0
        var failures: UInt64 = 0
        var lastSuccess: WallTime?
    }

    private struct State {
        /// In the order of the settings.
        var entries: [Entry] = []
        var made = 0

        func index(of number: Int) -> Int? { entries.firstIndex { $0.number == number } }

        mutating func takeWaiters(of index: Int) -> [@Sendable () -> Void] {
            defer { entries[index].waiters = [] }
            return entries[index].waiters
        }
    }

    private let ask: Ask
    private let parse: Parse
    private let events: EventLog
    private let publish: @Sendable (_ name: String, News) -> Void
    private let clock: @Sendable () -> Instant
    private let state = Mutex(State())

    /// - Parameters:
    ///   - ask: `FetchLoop.fetch`.
    ///   - publish: Called from any thread, in the order of what happened. Must not wait.
    package init(
        events: EventLog, ask: @escaping Ask, parse: @escaping Parse,
        clock: @escaping @Sendable () -> Instant = { SystemClock.now() },
        publish: @escaping @Sendable (_ name: String, News) -> Void
    ) {
        self.ask = ask
        self.parse = parse
        self.events = events
        self.clock = clock
        self.publish = publish
    }

    /// Keeps these sets from now on. Those that were there before keep their keys and their state. Files are
    /// read before this returns; URLs are fetched meanwhile.
    package func follow(_ sources: [KeySetSource]) {
        let waiters = state.withLock { state in
            let before = state.entries
            state.entries = sources.map { source in
                if let known = before.first(where: { $0.source == source }) { return known }
                state.made += 1
                return Entry(source: source, number: state.made, keeper: KeySetKeeper(source.timing))
            }
            let gone = before.filter { old in !state.entries.contains { $0.number == old.number } }
            for old in gone { publish(old.source.name, .gone) }
            return gone.flatMap(\.waiters)
        }
        for waiter in waiters { waiter() }
        look()
    }

    /// Hands out all that is known once more, for workers whose settings were made anew.
    package func publishAll() {
        state.withLock { state in
            for entry in state.entries {
                if let keys = entry.keys { publish(entry.source.name, .keys(keys)) }
            }
        }
    }

    /// Does what is due. To be called a few times a second.
    package func look() {
        let now = clock()
        var due: [(number: Int, source: KeySetSource)] = []
        state.withLock { state in
            for index in state.entries.indices {
                let source = state.entries[index].source
                let isDue =
                    switch source.place {
                    case .url: state.entries[index].keeper.isDue(at: now)
                    case .file(let path): state.entries[index].file.isDue(path, at: now)
                    }
                if isDue { due.append((state.entries[index].number, source)) }
            }
        }
        for (number, source) in due { get(number, source) }
    }

    /// A worker has a token with a key that the set of this name does not have, or no set at all.
    ///
    /// - Parameters:
    ///   - hasKeys: Whether the worker has any. Where it has none though a set is here, that set was
    ///     published just now: it is no reason to fetch, and an interval's only fetch is not spent on it.
    ///   - then: Called once: when a fetch has ended, and what it brought was published, or at once where
    ///     none is begun now. From any thread; must not wait.
    package func askRefetch(
        _ name: String, hasKeys: Bool = true, then: @escaping @Sendable () -> Void
    ) {
        let now = clock()
        let (isWaiting, wanted): (Bool, (number: Int, source: KeySetSource)?) = state.withLock { state in
            guard let index = state.entries.firstIndex(where: { $0.source.name == name }),
                case .url = state.entries[index].source.place,
                state.entries[index].waiters.count < Self.mostWaiting,
                hasKeys || state.entries[index].keys == nil
            else { return (false, nil) }
            let entry = state.entries[index]
            let begins = state.entries[index].keeper.unknownKey(at: now)
            guard begins || entry.keeper.isFetching else { return (false, nil) }
            state.entries[index].waiters.append(then)
            return (true, begins ? (entry.number, entry.source) : nil)
        }
        if let wanted { get(wanted.number, wanted.source) }
        if !isWaiting { then() }
    }

    /// Of one set. Each worker asks once at a time.
    private static var mostWaiting: Int { 1024 }

    package func status() -> [KeySetStatus] {
        let now = clock()
        return state.withLock { state in
            state.entries.map { entry in
                var state = entry.keeper.state(at: now)
                // A file is as current as its operator wants it to be, unless it cannot be read any more.
                if entry.source.isFile, state != .never {
                    state = entry.keeper.reason == nil ? .fresh : .stale
                }
                return KeySetStatus(
                    name: entry.source.name, place: entry.source.placeText, state: state,
                    keys: entry.keeper.keys, age: entry.keeper.age(at: now), fetched: entry.successes,
                    failed: entry.failures, lastSuccess: entry.lastSuccess, reason: entry.keeper.reason)
            }
        }
    }

    // MARK: What comes

    private func get(_ number: Int, _ source: KeySetSource) {
        switch source.place {
        case .url(let url, let reach, let trust):
            var request = FetchRequest(url)
            request.reach = reach
            request.trust = trust
            request.bodyLimit = KeySetSource.longestText
            ask(request) { [self] answer in heard(answer, number, source) }
        case .file(let path):
            do throws(SystemError) {
                let bytes = try ProcessFiles.read(path, limit: KeySetSource.longestText)
                take(bytes, freshness: nil, number, source)
            } catch {
                failed("\(error)", number, source)
            }
        }
    }

    private func heard(_ answer: FetchLoop.Answer, _ number: Int, _ source: KeySetSource) {
        switch answer {
        case .success(let response):
            guard response.status == 200 else {
                return failed("the service answers with status \(response.status)", number, source)
            }
            take(response.body, freshness: response.freshness, number, source)
        case .failure(let failure): failed(failure.description, number, source)
        }
    }

    private func take(_ bytes: [UInt8], freshness: Duration?, _ number: Int, _ source: KeySetSource) {
        let parsed: Parsed
        do throws(Unusable) {
            parsed = try parse(bytes, source)
        } catch {
            return failed(error.reason, number, source)
        }
        guard parsed.count > 0 else { return failed("the set holds no key that can be used", number, source) }
        let now = clock()
        let waiters: [@Sendable () -> Void] = state.withLock { state in
            guard let index = state.index(of: number) else { return [] }
            state.entries[index].successes += 1
            state.entries[index].lastSuccess = SystemClock.wallTime()
            let news = state.entries[index].keeper.succeeded(
                keys: parsed.count, digest: bytes.hashValue, freshness: freshness, at: now,
                random: .random(in: 0 ... .max))
            switch news {
            // Under the lock: what is handed out last is what has come last.
            case .first, .changed:
                state.entries[index].keys = parsed.keys
                publish(source.name, .keys(parsed.keys))
            case .recovered, .failing, nil: break
            }
            if let news { tell(news, of: state.entries[index], at: now) }
            return state.takeWaiters(of: index)
        }
        for waiter in waiters { waiter() }
    }

    private func failed(_ reason: String, _ number: Int, _ source: KeySetSource) {
        let now = clock()
        let waiters: [@Sendable () -> Void] = state.withLock { state in
            guard let index = state.index(of: number) else { return [] }
            state.entries[index].failures += 1
            let news = state.entries[index].keeper.failed(
                reason: reason, at: now, random: .random(in: 0 ... .max))
            if let news { tell(news, of: state.entries[index], at: now) }
            return state.takeWaiters(of: index)
        }
        for waiter in waiters { waiter() }
    }

    private func tell(_ news: KeySetKeeper.News, of entry: Entry, at now: Instant) {
        let source = entry.source
        switch news {
        case .first(let keys):
            events.info("key set loaded", ["name": source.name, "keys": "\(keys)", "from": source.placeText])
        case .changed(let keys):
            events.info(
                "key set changed", ["name": source.name, "keys": "\(keys)", "from": source.placeText])
        case .recovered(let keys):
            events.info(
                "key set can be had again",
                ["name": source.name, "keys": "\(keys)", "from": source.placeText])
        case .failing(let reason):
            let details: EventLog.Details = [
                "name": source.name, "reason": reason, "from": source.placeText,
            ]
            if case .never = entry.keeper.state(at: now) {
                events.error("no key set, tokens of this issuer are answered with 503", details)
            } else {
                events.warning("key set not renewed, the old keys stay in use", details)
            }
        }
    }
}

extension KeySetSource {
    fileprivate var isFile: Bool {
        switch place {
        case .url: false
        case .file: true
        }
    }
}

/// When a file is read again: once it has changed and does not change any more.
private struct FileWatch {
    private static let interval = Duration.seconds(2)

    private var next = Instant.zero
    private var hasRead = false
    private var read: FileVersion?
    /// At the last look: a file that is being written changes twice.
    private var seen: FileVersion?

    mutating func isDue(_ path: String, at now: Instant) -> Bool {
        guard now >= next else { return false }
        next = now + Self.interval
        let current = FileVersion(of: path)
        defer { seen = current }
        guard !hasRead || (current != read && current == seen) else { return false }
        (hasRead, read) = (true, current)
        return true
    }
}
