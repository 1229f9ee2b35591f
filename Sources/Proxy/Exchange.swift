import Bytes
import HTTP1
import HTTPModel
import Pipeline
import Slots
import Telemetry
import Time

/// One request and its answer, from the head's last byte to the answer's last.
struct Exchange: ~Copyable {
    /// How far it has come; the outcome's phase if it ended now.
    var phase = Outcome.Phase.policy
    let client: SlotID
    let plan: GatewayPlan
    var state: ExchangeState

    /// The pool that it uses or waits for.
    var pool: SlotID?
    /// The connection that it has, from the decision to connect on.
    var connection: SlotID?
    /// Endpoint whose connect failed last.
    var avoided: Int?
    /// Connects that failed.
    var connectAttempts = 0
    /// A reused connection has died under it once; the next one is new.
    var wantsFresh = false
    var usedReused = false

    var requestBody: BodyReader
    var requestCoding = BodyCoding.asIs
    /// Bytes of the body passed on so far.
    var requestBodyBytes = 0
    /// Part of the body has left and cannot be sent again.
    var isBodyConsumed = false
    /// The whole request has been given to the connection, sent or in `unsent`.
    var isRequestComplete = false

    var method: Method
    var responseBody = BodyReader(.none)
    var responseCoding = BodyCoding.asIs
    /// Interim answers passed on.
    var interimResponses = 0
    /// Bytes to read at once from the server; grows while the client keeps up.
    var readSize = Exchange.smallestRead
    /// Status sent to the client; 0 before.
    var status = 0
    /// Whether the client's connection stays open, as its answer's head has said.
    var keepsClient = true
    /// Set where the answer is complete and only its bytes are still to be sent.
    var outcome: Outcome?

    var bytesIn = 0
    var bytesOut = 0
    var timings = Timings()

    static let smallestRead = 16384
    static let largestRead = 262_144

    init(client: SlotID, plan: GatewayPlan, state: consuming ExchangeState) {
        self.client = client
        self.plan = plan
        method = state.head.method
        requestBody = BodyReader(state.head.framing)
        self.state = state
    }
}
