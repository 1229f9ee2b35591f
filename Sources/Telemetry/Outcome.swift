/// How an exchange ended: who ended it, in which phase. One word for the log, one label for the metrics.
///
/// Only combinations that can happen are cases, so that each has a meaning of its own and a line in
/// `Outcome.guide`. The codes are stable: operators search logs and build alerts on them.
package enum Outcome: UInt8, CaseIterable, Sendable {
    case ok
    case clientHead, clientPolicy, clientQueue, clientConnect, clientRequest, clientResponse, clientBody,
        clientTunnel
    case gatewayHead, gatewayPolicy, gatewayQueue, gatewayConnect, gatewayRequest, gatewayResponse,
        gatewayBody
    case gatewayTunnel, gatewayDone
    case upstreamConnect, upstreamRequest, upstreamResponse, upstreamBody, upstreamTunnel
    case storePolicy

    /// Who ended the exchange.
    package enum Origin: UInt8, CaseIterable, Sendable {
        case client, gateway, upstream, store
    }

    /// How far the exchange had come, in order.
    package enum Phase: UInt8, CaseIterable, Sendable {
        /// The request's head is being read.
        case head
        /// The route's stages decide, some of them waiting for a store.
        case policy
        /// Waiting for a free place at the upstream.
        case queue
        /// A connection to the chosen server is being made.
        case connect
        /// The request is being sent to the server.
        case request
        /// The request is sent; the answer's head has not come.
        case response
        /// The answer is being passed on.
        case body
        /// The connection was upgraded and carries bytes both ways.
        case tunnel
        /// The answer has been given whole.
        case done
    }

    /// The outcome of an exchange that `origin` ended in `phase`.
    ///
    /// Total: a combination that makes no sense, such as an upstream that ends a head, becomes the nearest
    /// that does.
    package init(endedBy origin: Origin, in phase: Phase) {
        self =
            switch origin {
            case .client: Outcome.endedByClient(in: phase)
            case .gateway: Outcome.endedByGateway(in: phase)
            case .upstream: Outcome.endedByUpstream(in: phase)
            case .store: .storePolicy
            }
    }

    /// Number of outcomes, for arrays indexed by outcome.
    package static var count: Int { Int(Outcome.storePolicy.rawValue) + 1 }

    /// Dense, from 0 to `count - 1`.
    package var index: Int { Int(rawValue) }

    /// What the access log and the metrics call it: `ok`, or `who.phase`.
    package var code: StaticString {
        switch self {
        case .ok: "ok"
        case .clientHead: "client.head"
        case .clientPolicy: "client.policy"
        case .clientQueue: "client.queue"
        case .clientConnect: "client.connect"
        case .clientRequest: "client.request"
        case .clientResponse: "client.response"
        case .clientBody: "client.body"
        case .clientTunnel: "client.tunnel"
        case .gatewayHead: "gateway.head"
        case .gatewayPolicy: "gateway.policy"
        case .gatewayQueue: "gateway.queue"
        case .gatewayConnect: "gateway.connect"
        case .gatewayRequest: "gateway.request"
        case .gatewayResponse: "gateway.response"
        case .gatewayBody: "gateway.body"
        case .gatewayTunnel: "gateway.tunnel"
        case .gatewayDone: "gateway.done"
        case .upstreamConnect: "upstream.connect"
        case .upstreamRequest: "upstream.request"
        case .upstreamResponse: "upstream.response"
        case .upstreamBody: "upstream.body"
        case .upstreamTunnel: "upstream.tunnel"
        case .storePolicy: "store.policy"
        }
    }

    private static func endedByClient(in phase: Phase) -> Outcome {
        switch phase {
        case .head: .clientHead
        case .policy: .clientPolicy
        case .queue: .clientQueue
        case .connect: .clientConnect
        case .request: .clientRequest
        case .response: .clientResponse
        case .body: .clientBody
        case .tunnel: .clientTunnel
        case .done: .ok
        }
    }

    private static func endedByGateway(in phase: Phase) -> Outcome {
        switch phase {
        case .head: .gatewayHead
        case .policy: .gatewayPolicy
        case .queue: .gatewayQueue
        case .connect: .gatewayConnect
        case .request: .gatewayRequest
        case .response: .gatewayResponse
        case .body: .gatewayBody
        case .tunnel: .gatewayTunnel
        case .done: .gatewayDone
        }
    }

    private static func endedByUpstream(in phase: Phase) -> Outcome {
        switch phase {
        case .head, .policy, .queue, .connect: .upstreamConnect
        case .request: .upstreamRequest
        case .response: .upstreamResponse
        case .body: .upstreamBody
        case .tunnel: .upstreamTunnel
        case .done: .ok
        }
    }
}
