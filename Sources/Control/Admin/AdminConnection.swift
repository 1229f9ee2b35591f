import Bytes
import HTTP1
import HTTPModel
import Reactor
import Time

/// One client of the admin listener: one request, one answer. Lives on the listener's thread.
struct AdminConnection {
    enum Phase {
        case head
        /// The head is let in; so many bytes of body are still to come.
        case body(AdminRequest, length: Int)
        /// The answer from `offset` on is still to be sent.
        case answering([UInt8], offset: Int)
        /// Everything is sent; what comes now is dropped.
        case lingering(dropped: Int)
    }

    /// What is to be done with the connection.
    enum Step {
        case wait
        case close
        /// Ask for an answer to this, and begin it.
        case handle(AdminRequest)
        /// Begin this answer.
        case refuse(AdminResponse)
        /// Tell the client to send the body, then go on.
        case invite
    }

    let socket: Socket
    /// The instant at which the phase is over. The owner acts on it.
    var deadline: Instant
    private(set) var phase = Phase.head
    /// Received and not yet understood.
    private var received: [UInt8] = []
    private var parser: RequestParser
    private var isHead = false

    /// Bytes dropped after the answer before the client is cut off.
    private static let lingerLimit = 262_144

    init(socket: Socket, deadline: Instant, limits: AdminLimits) {
        self.socket = socket
        self.deadline = deadline
        parser = RequestParser(limits: HeadLimits(maximumBytes: limits.head, maximumTarget: limits.head / 2))
    }

    /// Whether the client has yet to complete its request.
    var isAsking: Bool {
        switch phase {
        case .head, .body: true
        case .answering, .lingering: false
        }
    }

    /// Takes bytes that arrived.
    mutating func received(
        _ bytes: ByteView, limits: AdminLimits, letIn: (borrowing RequestHead) -> AdminResponse?
    )
        -> Step
    {
        switch phase {
        case .head:
            received += bytes.array()
            return readHead(limits, letIn)
        case .body(let request, let length):
            received += bytes.array()
            return readBody(request, length)
        case .answering:
            return .wait
        case .lingering(let dropped):
            phase = .lingering(dropped: dropped + bytes.count)
            return dropped + bytes.count > Self.lingerLimit ? .close : .wait
        }
    }

    /// The client has ended its side.
    func ended() -> Step {
        switch phase {
        case .head:
            received.isEmpty ? .close : .refuse(.problem(400, "The request ends before its head does."))
        case .body: .refuse(.problem(400, "The request ends before its body does."))
        case .answering: .wait
        case .lingering: .close
        }
    }

    /// The deadline has passed.
    func expired() -> Step {
        switch phase {
        case .head where received.isEmpty: .close
        case .head, .body: .refuse(.problem(408, "The request took too long to arrive."))
        case .answering, .lingering: .close
        }
    }

    mutating func begin(_ response: AdminResponse, until deadline: Instant) {
        received = []
        phase = .answering(response.message(withBody: !isHead), offset: 0)
        self.deadline = deadline
    }

    /// Takes over that `count` bytes of the answer were sent; true where those were the last.
    mutating func sent(_ count: Int) -> Bool {
        guard case .answering(let bytes, let offset) = phase else { return false }
        phase = .answering(bytes, offset: offset + count)
        return offset + count == bytes.count
    }

    mutating func linger(until deadline: Instant) {
        phase = .lingering(dropped: 0)
        self.deadline = deadline
    }

    // MARK: Reading

    private enum HeadResult {
        case incomplete
        case refused(AdminResponse)
        case read(AdminRequest, headLength: Int, bodyLength: Int, expectsContinue: Bool)
    }

    private mutating func readHead(_ limits: AdminLimits, _ letIn: (borrowing RequestHead) -> AdminResponse?)
        -> Step
    {
        var (parser, method) = (parser, Method.get)
        let result = received.withView { Self.parse($0, &parser, &method, limits, letIn) }
        self.parser = parser
        if case .head = method { isHead = true }
        switch result {
        case .incomplete: return .wait
        case .refused(let response): return .refuse(response)
        case .read(let request, let headLength, let bodyLength, let expectsContinue):
            received.removeFirst(headLength)
            phase = .body(request, length: bodyLength)
            let step = readBody(request, bodyLength)
            if case .wait = step, expectsContinue, received.isEmpty { return .invite }
            return step
        }
    }

    private mutating func readBody(_ request: AdminRequest, _ length: Int) -> Step {
        guard received.count >= length else { return .wait }
        // What follows the body would be another request; the connection ends with this one's answer.
        let body = Array(received.prefix(length))
        return .handle(
            AdminRequest(method: request.method, path: request.path, query: request.query, body: body))
    }

    private static func parse(
        _ bytes: ByteView, _ parser: inout RequestParser, _ method: inout Method, _ limits: AdminLimits,
        _ letIn: (borrowing RequestHead) -> AdminResponse?
    ) -> HeadResult {
        var head = RequestHead()
        do throws(HeadError) {
            guard let headLength = try parser.parse(bytes, into: &head) else { return .incomplete }
            method = head.method
            if let refusal = letIn(head) { return .refused(refusal) }
            let bodyLength: Int
            switch head.framing {
            case .none: bodyLength = 0
            case .length(let length): bodyLength = length
            case .chunked, .untilClose:
                return .refused(.problem(411, "Send the body with a Content-Length."))
            }
            guard bodyLength <= limits.body else {
                return .refused(.problem(413, "A body may have at most \(limits.body) bytes here."))
            }
            let request = AdminRequest(
                method: head.method, path: head.pathBytes.text(),
                query: head.queryBytes.map(AdminRequest.parseQuery) ?? [])
            return .read(
                request, headLength: headLength, bodyLength: bodyLength, expectsContinue: head.expectsContinue
            )
        } catch {
            return .refused(.problem(error.status, "\(error.detail)"))
        }
    }
}
