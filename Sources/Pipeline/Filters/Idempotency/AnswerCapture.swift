import Bytes
import HTTPModel

/// What is kept of an answer while it passes: a message of HTTP/1.1 with a length, as one could have come
/// from the server. Whoever replays it reads its head like any other, so that nothing of one client's answer
/// that the gateway has written gets to another.
package struct AnswerCapture {
    package enum State {
        /// Nothing is kept of it: none has begun, or one that says "not now".
        case none
        case arriving
        /// It is too long, or a stream. It was given all the same.
        case tooLong
    }

    package private(set) var state = State.none
    private var status = 0
    /// Status line and field lines, but for those that tell of the body.
    private var head: [UInt8] = []
    private var body: [UInt8] = []
    private var limit = 0

    package init() {}

    /// What the store keeps of an answer that is not: that there was one.
    package static var unkept: [UInt8] { [] }

    /// An answer begins.
    ///
    /// - Parameters:
    ///   - limit: Bytes of a body that is kept.
    ///   - keepsErrors: Whether answers from 500 on are kept.
    package mutating func begin(_ head: borrowing ResponseHead, limit: Int, keepsErrors: Bool) {
        guard Self.isFinal(head.status, keepsErrors: keepsErrors) else { return }
        self.limit = limit
        status = head.status
        if let type = head.value(of: .contentType), type.count >= 17,
            type.prefix(17).equalsIgnoringCase("text/event-stream")
        {
            return state = .tooLong
        }
        if case .length(let length) = head.framing, length > limit { return state = .tooLong }
        state = .arriving
        self.head = Array("HTTP/1.1 \(head.status) ".utf8)
        self.head += head.reasonBytes.array()
        self.head += [0x0D, 0x0A]
        for index in 0..<head.fields.count where !Self.isLeftOut(head, index) {
            let line = head.line(at: index)
            self.head += head.bytes.slice(line.start, line.end).array()
        }
    }

    /// Whether an answer is the last word on its request. Some say that nothing was done and that the same
    /// request may be once more: with other credentials (401), in good time (408, 425, 429), or when the
    /// server is well again.
    private static func isFinal(_ status: Int, keepsErrors: Bool) -> Bool {
        switch status {
        case 401, 408, 425, 429: false
        case 500...: keepsErrors
        default: true
        }
    }

    /// What belongs to the connection it came on or to the moment it was given; each replay has its own.
    private static func isLeftOut(_ head: borrowing ResponseHead, _ index: Int) -> Bool {
        let name = head.fields[index].name
        if FieldRules.isHopByHop(name) || FieldRules.isFraming(name) || name == .date || name == .xRequestID {
            return true
        }
        return head.connectionLists(nameAt: index)
            || head.name(at: index).equalsIgnoringCase("idempotency-replayed")
    }

    /// A piece of the body has come.
    package mutating func add(_ piece: ByteView) {
        guard state == .arriving, !piece.isEmpty else { return }
        guard body.count + piece.count <= limit else {
            self = AnswerCapture()
            return state = .tooLong
        }
        body += piece.array()
    }

    /// The answer is whole: what the store keeps of it. Nil where it is to keep nothing, and another request
    /// may be sent.
    package var message: [UInt8]? {
        switch state {
        case .none: return nil
        case .tooLong: return Self.unkept
        case .arriving: break
        }
        var message = head
        message.reserveCapacity(head.count + body.count + 64)
        message += Array("Idempotency-Replayed: true\r\n".utf8)
        // RFC 9110 §8.6, §15.4.5: these have no body, and a length would speak of another answer.
        if status != 204, status != 304 { message += Array("Content-Length: \(body.count)\r\n".utf8) }
        message += [0x0D, 0x0A]
        message += body
        return message.count <= StoreQuestion.longestAnswer ? message : Self.unkept
    }
}
