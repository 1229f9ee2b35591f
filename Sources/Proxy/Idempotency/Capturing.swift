import Bytes
import HTTPModel
import Pipeline
import Slots

// Answers that are kept while they pass.
extension ProxyCore where Net: ~Copyable {
    /// An answer's head is here, to a request with a key.
    mutating func beginCapture(_ head: borrowing ResponseHead, of id: SlotID) {
        guard let request = exchanges[id].state.idempotency, request.isLeading else { return }
        request.capture.begin(
            head, limit: request.settings.maxAnswer, keepsErrors: request.settings.keepsErrors)
        giveUpCapture(of: id, request)
    }

    /// A piece of its body has come, without framing.
    mutating func capture(_ payload: ByteView, of id: SlotID) {
        guard let request = exchanges[id].state.idempotency, request.isLeading else { return }
        request.capture.add(payload)
        giveUpCapture(of: id, request)
    }

    /// Of an answer that is too long to be kept, those that wait hear at once: it may have no end.
    private mutating func giveUpCapture(of id: SlotID, _ request: IdempotentRequest) {
        guard request.capture.state == .tooLong else { return }
        settleKey(of: id, keeping: AnswerCapture.unkept)
    }

    /// The server's answer is whole.
    mutating func endCapture(of id: SlotID) {
        guard let request = exchanges[id].state.idempotency, request.isLeading else { return }
        settleKey(of: id, keeping: request.capture.message)
    }
}
