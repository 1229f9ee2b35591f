import Bytes
import Pipeline
import Proxy
import Reactor
import Redis
import Settings
import Stores
import Telemetry
import Time

// Counters of limits, as operators look at them and reset them.
extension Gateway {
    /// How long Redis may take for an operator.
    private static let patience = Duration.milliseconds(250)
    /// How long a reset is told to gateways that were away.
    private static let resetLasts = Duration.seconds(60)

    package func counters(
        of limit: String, holder: String, _ action: LimitAction
    ) throws(LimitProblem) -> LimitCounters {
        let settings = settings
        let named = try Self.counters(of: limit, holder: holder, in: settings)
        let answer = read(named, limit: limit, holder: named.first?.holder ?? holder, settings)
        guard action == .reset else { return answer }
        forget(named)
        if let target = settings.redis.target {
            try remove(named, at: target)
            try tellReset(of: limit, holder: holder)
            // Commands that were under way bring back what their gateways knew: once more behind them.
            SystemClock.pause(min(target.timeout * 2, .milliseconds(200)))
            try remove(named, at: target)
            forget(named)
        }
        events.info("an operator reset a limit", ["limit": limit, "holder": answer.holder])
        return answer
    }

    /// What a holder of a rule's own secrets is called among gateways: nothing, and they forget all that they
    /// know of limits, which Redis will tell them again.
    private static let unnamed = ""

    private func tellReset(of limit: String, holder: String) throws(LimitProblem) {
        let isSecret =
            settings.limits.first { $0.name == limit }?.holders.contains(where: \.isSecret) ?? false
        let now = SystemClock.wallTime()
        let change = Array("\(limit)\u{0}\(isSecret ? Self.unnamed : holder)".utf8).withView { key in
            shared.resets.put(
                key, expires: WallTime(nanoseconds: now.nanoseconds + Self.resetLasts.nanoseconds), now: now)
        }
        guard change == .stored else {
            throw .store(
                "other gateways could not be told: the holder's name is too long, or too many are reset")
        }
    }

    /// Other gateways have reset counters: this one's view forgets them too, or it would give Redis back what
    /// was reset.
    func listenForResets() {
        shared.resets.listen { [weak self] key in
            let parts = key.split(separator: 0, maxSplits: 1, omittingEmptySubsequences: false)
            guard let self, parts.count == 2 else { return }
            let words = parts.map { String(decoding: $0, as: UTF8.self) }
            guard words[1] != Self.unnamed else { return counters.forgetAll() }
            // A gateway whose settings know no such limit has no counters of it.
            guard let named = try? Self.counters(of: words[0], holder: words[1], in: settings) else { return }
            forget(named)
        }
    }

    private static func counters(
        of limit: String, holder: String, in settings: GatewaySettings
    ) throws(LimitProblem) -> [NamedCounter] {
        guard let own = settings.limits.first(where: { $0.name == limit }) else {
            let nearest = Suggestion.nearest(to: limit, among: settings.limits.map(\.name))
            throw .unknownLimit(suggestion: nearest)
        }
        let sources = settings.identity.tokens.map(\.name)
        let issuers = sources + (settings.identity.apiKeys == nil ? [] : ["api_keys"])
        do throws(HolderError) {
            return try RateLimitRule(own, slot: .unnamed)
                .counters(of: holder, issuer: issuers.count == 1 ? issuers[0] : nil)
        } catch {
            throw .holder(error.words)
        }
    }

    private func forget(_ named: [NamedCounter]) {
        for counter in named { counters.forget(counter.bucket.key) }
    }

    private func read(
        _ named: [NamedCounter], limit: String, holder: String, _ settings: GatewaySettings
    ) -> LimitCounters {
        var demand = TokenDemand()
        for counter in named.prefix(TokenDemand.capacity) { demand.append(counter.bucket) }
        let now = SystemClock.now()
        counters.peek(&demand, now: now)
        var origin = LimitCounters.Origin.memory
        if let target = settings.redis.target {
            origin = ask(target, named, &demand) ? .redis : .view
        }
        return LimitCounters(
            limit: limit, holder: holder, origin: origin,
            counters: (0..<demand.count).map { index in
                LimitCounters.Counter(
                    name: named[index].name, limit: demand[index].limit, remaining: demand[index].remaining,
                    resetSeconds: (demand[index].reset + 999_999_999) / 1_000_000_000,
                    redisKey: settings.redis.keyPrefix
                        + String(decoding: named[index].redisKey, as: UTF8.self))
            })
    }

    /// Asks Redis itself, without taking anything. False where it does not answer.
    private func ask(_ target: RedisTarget, _ named: [NamedCounter], _ demand: inout TokenDemand) -> Bool {
        let deadline = SystemClock.now() + Self.patience
        var client = RedisKeyClient(target, directory: directory)
        let asked = demand
        let keys = named.map { PinnedText(bytes: Array(target.prefix.utf8) + $0.redisKey) }
        guard let slot = keys.first.map({ KeySlot($0.view) }) else { return true }
        do throws(Loss) {
            // All counters of one holder lie together.
            let reply = try client.ask(slot, by: deadline, script: TokenCommands.script) { writer in
                TokenCommands.write(asked, hints: CounterStates(), keys: { keys[$0].view }, into: &writer)
            }
            var said = CounterStates()
            return TokenCommands.read(reply, into: &demand, &said)
        } catch {
            return false
        }
    }

    private func remove(_ named: [NamedCounter], at target: RedisTarget) throws(LimitProblem) {
        let deadline = SystemClock.now() + Self.patience
        var client = RedisKeyClient(target, directory: directory)
        do throws(Loss) {
            for counter in named {
                let key = Array(target.prefix.utf8) + counter.redisKey
                let reply = try client.ask(key.withView { KeySlot($0) }, by: deadline) { writer in
                    writer.begin(2)
                    writer.word("DEL")
                    writer.word(key)
                }
                guard reply.integer != nil else { throw Loss.refused(reply.words) }
            }
        } catch {
            throw .store("Redis could not be told, and nothing was reset: \(error)")
        }
    }
}
