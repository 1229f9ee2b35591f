import Bytes
import HTTPModel
import Pipeline
import Reactor
import Slots
import Time

// Calls of gRPC. They are exchanges like others; what is said of them here is said in gRPC's terms.
extension ProxyCore where Net: ~Copyable {
    /// A request's head is complete: whether it is a call, and how long the client waits for it.
    mutating func noteCall(_ id: SlotID) {
        guard let contentType = exchanges[id].state.head.value(of: .contentType),
            GRPC.isNamed(by: contentType)
        else { return }
        exchanges[id].isGRPC = true
        let count = exchanges[id].state.head.fields.count
        for index in 0..<count where exchanges[id].state.head.fields[index].name == .other {
            guard exchanges[id].state.head.name(at: index).equalsIgnoringCase("grpc-timeout") else {
                continue
            }
            guard let timeout = GRPC.timeout(exchanges[id].state.head.value(at: index)) else { return }
            exchanges[id].callEnds = now + min(timeout, Self.longestCall)
            return moveClientDeadline(exchanges[id].client)
        }
    }

    /// Beyond this, a call's own limit is none: the others hold.
    private static var longestCall: Duration { .seconds(7 * 86_400) }

    /// The client has given the call up, or is about to. What is answered already is the client's to end.
    mutating func callTimedOut(_ id: SlotID) {
        exchanges[id].callEnds = .distantFuture
        guard exchanges[id].hasAnswered else { return fail(id, .responseTimeout) }
        moveClientDeadline(exchanges[id].client)
    }

    /// The code of an answer of the gateway's own to a call; nil where it is said in HTTP.
    func callStatus(_ response: LocalResponse, to id: SlotID) -> Int? {
        guard exchanges[id].isGRPC, response.status >= 400 else { return nil }
        return GRPC.code(forStatus: response.status)
    }
}
