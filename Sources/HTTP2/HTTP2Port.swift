import Bytes
import CNghttp2

/// What the sessions of one worker share: what they have received and not told yet, and what is to be sent.
///
/// nghttp2 calls back while it works. Its callbacks only write down what has happened; the worker reads that
/// when the call is over, and nothing is ever called in the middle of something else.
// SAFETY: `state` is memory that this value alone owns and that never moves, so that callbacks may keep its
// address. Sessions are used on the port's thread only and closed before it. `input` and `output` are the
// caller's for the length of one call.
@safe
package struct HTTP2Port: ~Copyable {
    /// What has happened on a connection, in its order.
    package enum Event: Equatable {
        /// A request's head, or an answer's (interim ones included), as HTTP/1.1 writes it: a range of
        /// `text`.
        case head(stream: Int32, text: Range<Int>, isEnd: Bool, opens: Opening)
        /// A head that is larger than it may be; those of its lines that it began with are a range of `text`.
        case headTooLarge(stream: Int32, text: Range<Int>)
        /// Trailers that may be passed on, as lines: a range of `text`. They end the stream's other side.
        case trailers(stream: Int32, text: Range<Int>)
        /// A part of a body: a range of what was received.
        case data(stream: Int32, bytes: Range<Int>)
        /// The stream's other side has ended.
        case end(stream: Int32)
        /// The stream is over on both sides, or was reset.
        case closed(stream: Int32, code: UInt32)
        /// The peer begins no new streams, and has dealt with none beyond `last`.
        case goAway(last: Int32, code: UInt32)
        /// The peer has said how it wants to be spoken to.
        case settings
    }

    package enum Opening: Equatable { case plain, webSocket, otherProtocol }

    /// What is to be sent of one stream's body. The bytes themselves are the owner's.
    struct Outgoing {
        var owner: UInt64 = 0
        /// Bytes that the owner has and that were not sent.
        var pending = 0
        var isEnded = false
        var trailers: [UInt8] = []
        /// The owner has given up: not even a frame that nghttp2 has begun can be filled.
        var isDiscarded = false
    }

    /// A gap in the output that the owner of a stream fills with the next bytes of its body.
    package struct Fill {
        package let owner: UInt64
        package let range: Range<Int>
    }

    @safe
    struct State: ~Copyable {
        var events: [Event] = []
        /// Heads of the events.
        var text: [UInt8] = []
        var input: UnsafeRawPointer?
        var assembly = HeadAssembly()
        var values = NameValues()
        var output: UnsafeMutableRawPointer?
        var capacity = 0
        var count = 0
        var fills: [Fill] = []
        var outgoing: [Outgoing] = []
        var free: [Int32] = []
        /// For WebSocket keys.
        var seed: UInt64

        init(seed: UInt64) {
            unsafe input = nil
            unsafe output = nil
            self.seed = seed
        }
    }

    let state: UnsafeMutablePointer<State>
    let callbacks: OpaquePointer

    /// Bytes of a DATA frame's payload at the most (RFC 9113 §4.2).
    package static let longestPayload = 16384
    /// Room that one more frame may need.
    package static let frameRoom = longestPayload + 1024

    package init(seed: UInt64) {
        unsafe state = .allocate(capacity: 1)
        unsafe state.initialize(to: State(seed: seed))
        unsafe callbacks = makeCallbacks()
    }

    deinit {
        unsafe nghttp2_session_callbacks_del(callbacks)
        unsafe state.deinitialize(count: 1)
        unsafe state.deallocate()
    }

    // MARK: What has happened

    package var eventCount: Int { unsafe state.pointee.events.count }

    package func event(_ index: Int) -> Event { unsafe state.pointee.events[index] }

    /// Copies a head to the beginning of `region`. False where it is too long for it.
    package func copyText(_ range: Range<Int>, into region: MutableByteView) -> Bool {
        guard range.count <= region.count else { return false }
        unsafe state.pointee.text.withView {
            region.write($0.slice(range.lowerBound, range.upperBound), at: 0)
        }
        return true
    }

    /// A copy of trailers.
    package func text(_ range: Range<Int>) -> [UInt8] { unsafe Array(state.pointee.text[range]) }

    package func forgetEvents() {
        unsafe state.pointee.events.removeAll(keepingCapacity: true)
        unsafe state.pointee.text.removeAll(keepingCapacity: true)
    }

    /// Lets go of memory that a burst has left behind; nothing waits to be told.
    package func trim() {
        unsafe state.pointee.events = []
        unsafe state.pointee.text = []
        unsafe state.pointee.fills = []
    }

    // MARK: What is to be sent

    /// A place for what is to be sent of a stream's body.
    package func makeOutgoing(owner: UInt64) -> Int32 {
        if let index = unsafe state.pointee.free.popLast() {
            unsafe state.pointee.outgoing[Int(index)] = Outgoing(owner: owner)
            return index
        }
        unsafe state.pointee.outgoing.append(Outgoing(owner: owner))
        return unsafe Int32(state.pointee.outgoing.count - 1)
    }

    package func setOwner(_ owner: UInt64, of index: Int32) {
        unsafe state.pointee.outgoing[Int(index)].owner = owner
    }

    package func freeOutgoing(_ index: Int32) {
        unsafe state.pointee.outgoing[Int(index)] = Outgoing()
        unsafe state.pointee.free.append(index)
    }

    /// The owner has so many bytes more.
    package func add(_ bytes: Int, to index: Int32) {
        unsafe state.pointee.outgoing[Int(index)].pending += bytes
    }

    /// Behind the bytes that are pending, the body ends; `trailers` are lines.
    package func end(_ index: Int32, trailers: [UInt8] = []) {
        unsafe state.pointee.outgoing[Int(index)].isEnded = true
        unsafe state.pointee.outgoing[Int(index)].trailers = trailers
    }

    /// Nothing more of this body is to be sent, not even its end: it would seem to be whole.
    package func discard(_ index: Int32) {
        unsafe state.pointee.outgoing[Int(index)].pending = 0
        unsafe state.pointee.outgoing[Int(index)].isEnded = false
        unsafe state.pointee.outgoing[Int(index)].isDiscarded = true
    }

    /// Whether all of a body, its end included, is on its way.
    package func isSpent(_ index: Int32) -> Bool {
        unsafe state.pointee.outgoing[Int(index)].isEnded && state.pointee.outgoing[Int(index)].pending == 0
    }

    package var fillCount: Int { unsafe state.pointee.fills.count }

    package func fill(_ index: Int) -> Fill { unsafe state.pointee.fills[index] }
}
