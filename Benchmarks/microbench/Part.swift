import JWT
import Pipeline

/// Something on a request's way that is measured alone.
struct Part: Sendable {
    let name: String
    /// Carries it out so often, behind whatever it needs to begin. Returns a number that depends on every
    /// result, so that nothing can be left out.
    let run: @Sendable (Int) -> Int

    static let all: [Part] =
        [
            Part(name: "requestHead", run: Parsing.requestHead),
            Part(name: "responseHead", run: Parsing.responseHead),
            Part(name: "pathNormal", run: Parsing.normalPath),
            Part(name: "pathNormalised", run: Parsing.pathToNormalise),
            Part(name: "chunks", run: Parsing.chunks),
            Part(name: "router", run: Tables.router),
            Part(name: "limiter") { Limiters.take(.gcra, $0) },
            Part(name: "limiter.slidingWindow") { Limiters.take(.slidingWindow, $0) },
            Part(name: "limiter.fixedWindow") { Limiters.take(.fixedWindow, $0) },
            Part(name: "limiter.view") { Limiters.view(.gcra, $0) },
            Part(name: "pool", run: Tables.pool),
            Part(name: "timers", run: Tables.timers),
            Part(name: "securityHeaders", run: Stages.securityHeaders),
            Part(name: "accessLogLine", run: Tables.accessLogLine),
            Part(name: "json", run: Tokens.json),
            Part(name: "token.cached", run: Tokens.cached),
            Part(name: "token.claims", run: Tokens.claims),
            Part(name: "token.claim", run: Tokens.claim),
        ]
        + [Algorithm.hs256, .rs256, .ps256, .es256, .es384, .edDSA].map { algorithm in
            Part(name: "token.\(algorithm.rawValue)") { rounds in Tokens.verify(algorithm, rounds) }
        }
        + Stage.allCases.map { stage in
            Part(name: "stage.\(stage)") { rounds in Stages.decide(stage, rounds: rounds) }
        } + [
            Part(name: "stage.clientAddress.behindProxy", run: Stages.clientBehindProxy),
            Part(name: "stage.authentication.apiKey", run: Stages.apiKey),
        ]
        + CountingAlgorithm.allCases.map { algorithm in
            Part(name: "million.\(algorithm)") { rounds in Limiters.million(algorithm, rounds) }
        }

    /// Takes a result where the optimiser cannot see what becomes of it.
    @inline(never) @_optimize(none)
    static func keep(_: Int) {}
}
