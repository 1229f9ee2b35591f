import Bytes
import HTTP1
import HTTPModel
import Pipeline
import Slots
import Telemetry
import Time

/// One request and its answer, from the end of the request's head to the last byte of the answer.
struct Exchange: ~Copyable {
    /// Changes where the client leaves and the request goes on (`runOn`).
    var client: SlotID
    /// Number of the HTTP/2 stream that it came on; 0 for a connection of its own.
    var stream: Int32 = 0
    /// A call of gRPC: what the gateway answers by itself, and how long it waits, is said in its terms.
    var isGRPC = false
    /// When the client gives the call up, as it has said (`grpc-timeout`).
    var callEnds = Instant.distantFuture
    /// How the call went, as the answer says.
    var grpcStatus: Int?
    let plan: GatewayPlan
    var state: ExchangeState
    /// How far it has come; the outcome's phase if it ended now.
    var phase = Outcome.Phase.policy

    /// What its stage has asked and waits for.
    var inquiry: Inquiry?
    /// What it has asked of its limits, until its answer has told of them.
    var claim: SlotID?
    /// Questions asked so far: an answer that comes too late is for none of those that follow.
    var questions: UInt32 = 0

    /// The upstream that it uses or waits for.
    var upstream: SlotID?
    /// The connection that it has, from the decision to connect on.
    var connection: SlotID?
    /// Endpoint whose connect failed last.
    var avoided: Int?
    /// Attempts beyond the first.
    var retries = 0
    /// Connects that have failed.
    var failedConnects = 0
    /// When it began to wait for a connection.
    var waitsSince = Instant.zero
    /// A reused connection has died under it once: the next one is new.
    var wantsFresh = false
    var usesKeptConnection = false
    /// The server was named by its address: for the log.
    var server: String = ""

    var requestBody: BodyReader
    /// Bytes of the body that have been passed on or held.
    var requestBodyBytes = 0
    /// What a stage wanted to see of the body before the request goes on, without framing. Kept until an
    /// answer begins: the request can be sent again as long as it is here.
    var held = HeldBody()
    /// The whole request has been handed to the connection, sent or in its `unsent`.
    var isRequestComplete = false
    /// The server has refused the body: no more of it is sent.
    var stopsSending = false

    var responseBody = BodyReader(.none)
    var responseCoding = BodyCoding.asIs
    /// Bytes to read at once from the server; grows while the client keeps up.
    var readSize = Exchange.firstRead
    /// Status sent to the client; 0 before.
    var status = 0
    /// Set where the answer is complete and only its bytes are still to be sent.
    var outcome: Outcome?
    /// The answer that is given again, where that is the answer.
    var replay: Replay?
    /// Of a tunnel: which sides have ended theirs.
    var clientEnded = false
    var serverEnded = false
    /// Of a WebSocket: what passes.
    var watch: TunnelWatch?
    /// Of an event stream: whether it stands between two events.
    var events: EventBoundary?

    /// How the client keeps up with what it sends and with what it is sent.
    var bodyPace = Pace()
    var readingPace = ReadingPace()

    var bytesIn = 0
    var bytesOut = 0
    var timings = Timings()

    /// What a client that falls behind has read for it at once.
    static let smallestRead = 16384
    /// What is read at first: most answers whole, in one call.
    static let firstRead = 65536
    static let largestRead = 262_144

    init(client: SlotID, plan: GatewayPlan, state: consuming ExchangeState) {
        self.client = client
        self.plan = plan
        requestBody = BodyReader(state.head.framing)
        self.state = state
    }

    /// The policy of its route, or of the gateway while it has none.
    @inline(__always)
    var cors: CORSPolicy? { state.plan == nil ? plan.route.cors : state.plan?.cors }

    @inline(__always)
    var securityHeaders: SecurityHeadersPlan { state.plan?.securityHeaders ?? plan.securityHeaders }

    /// Whether the answer's first byte has been given to the client.
    var hasAnswered: Bool { status != 0 }

    /// Gives back what the exchange held, and ends it.
    consuming func giveBack(to buffers: inout BufferPool, _ tables: inout FieldTablePool) {
        held.bytes.removeAll(pool: &buffers)
        state.giveBack(to: &buffers, &tables)
    }
}
