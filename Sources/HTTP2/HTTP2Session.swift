import Bytes
import CNghttp2

/// One HTTP/2 connection's state, on either side (RFC 9113), by nghttp2. A handle, like a descriptor: who
/// holds it in a table closes it, once. Does no input or output.
// SAFETY: `state` lives until `close`, which the holder's table does once; it and the port are used on one
// thread. The port outlives its sessions. Regions are the caller's for the length of a call.
@safe
package struct HTTP2Session {
    package enum Role: Sendable { case server, client }

    @safe
    struct State {
        var session: OpaquePointer?
        let port: UnsafeMutablePointer<HTTP2Port.State>
        let role: Role
        let headLimit: Int
        var scanner: FrameScanner
        var flood: FloodGuard
        var now: Int64
        /// A header block has begun and not ended: what has come of it stands in the port, or in `cut`
        /// between two calls.
        var readsHead = false
        var cut: HeadAssembly?
        /// Why the connection was given up.
        var excess: FloodGuard.Kind?
        var headExcess = false
        /// What the peer has done that nghttp2 lets pass.
        var breach: HTTP2Error?
        /// The last request, of a client, that is on its way.
        var lastRequest: Int32 = 0
        /// Streams whose requests are of no use once their answers are out.
        var unwanted: [Int32] = []
    }

    let state: UnsafeMutablePointer<State>

    private var session: OpaquePointer? { unsafe state.pointee.session }

    /// - Parameter now: Nanoseconds of a monotonic clock.
    package init(_ role: Role, _ limits: HTTP2Limits, _ port: borrowing HTTP2Port, now: Int64) {
        unsafe state = .allocate(capacity: 1)
        unsafe state.initialize(
            to: State(
                session: nil, port: port.state, role: role, headLimit: limits.head,
                scanner: FrameScanner(preface: role == .server ? 24 : 0), flood: FloodGuard(now: now),
                now: now))
        var option: OpaquePointer?
        unsafe nghttp2_option_new(&option)
        // Windows open as bodies are passed on, not as they arrive.
        unsafe nghttp2_option_set_no_auto_window_update(option, 1)
        unsafe nghttp2_option_set_no_closed_streams(option, 1)
        unsafe nghttp2_option_set_max_outbound_ack(option, 200)
        unsafe nghttp2_option_set_builtin_recv_extension_type(option, UInt8(NGHTTP2_PRIORITY_UPDATE.rawValue))
        // The flood guard is nearer, and says ENHANCE_YOUR_CALM.
        unsafe nghttp2_option_set_stream_reset_rate_limit(option, 20_000, 2000)
        var session: OpaquePointer?
        let result =
            switch role {
            case .server: unsafe nghttp2_session_server_new2(&session, port.callbacks, state, option)
            case .client: unsafe nghttp2_session_client_new2(&session, port.callbacks, state, option)
            }
        precondition(result == 0, "no memory for an HTTP/2 session")
        unsafe nghttp2_option_del(option)
        unsafe state.pointee.session = unsafe session
        announce(role, limits)
    }

    private func announce(_ role: Role, _ limits: HTTP2Limits) {
        func entry(_ id: nghttp2_settings_id, _ value: Int) -> nghttp2_settings_entry {
            nghttp2_settings_entry(settings_id: Int32(id.rawValue), value: UInt32(clamping: value))
        }
        var entries = [
            entry(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, limits.streamWindow),
            entry(NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, limits.head),
        ]
        switch role {
        case .server:
            entries += [
                entry(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits.streams),
                entry(NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1),
                entry(NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1),
            ]
        case .client: entries.append(entry(NGHTTP2_SETTINGS_ENABLE_PUSH, 0))
        }
        unsafe nghttp2_submit_settings(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), entries, entries.count)
        unsafe nghttp2_session_set_local_window_size(
            session, UInt8(NGHTTP2_FLAG_NONE.rawValue), 0, Int32(clamping: limits.connectionWindow))
    }

    package func close() {
        unsafe nghttp2_session_del(session)
        unsafe state.deinitialize(count: 1)
        unsafe state.deallocate()
    }

    // MARK: Receiving

    package enum Reception: Equatable {
        case fine
        /// The peer does too much of what costs it nothing: the connection ends with ENHANCE_YOUR_CALM.
        case flooded
        /// The bytes are not HTTP/2's. Where nghttp2 has found that out, it has said so already.
        case broken(HTTP2Error)
    }

    /// Takes in `bytes`; what they said stands in the port's events, ranges of DATA are those of `bytes`.
    package func receive(_ bytes: ByteView, now: Int64) -> Reception {
        unsafe state.pointee.now = now
        if unsafe state.pointee.role == .server {
            unsafe state.pointee.scanner.scan(bytes) { head in
                guard let kind = FloodGuard.kind(of: head),
                    unsafe !state.pointee.flood.admit(kind, now: now)
                else { return true }
                unsafe state.pointee.excess = kind
                return false
            }
            if unsafe state.pointee.excess != nil { return .flooded }
        }
        let port = unsafe state.pointee.port
        unsafe port.pointee.input = unsafe bytes.start
        if let cut = unsafe state.pointee.cut {
            unsafe port.pointee.assembly = cut
            unsafe state.pointee.cut = nil
        }
        let count = unsafe nghttp2_session_mem_recv(
            session, bytes.start.assumingMemoryBound(to: UInt8.self), bytes.count)
        if unsafe state.pointee.readsHead { unsafe state.pointee.cut = unsafe port.pointee.assembly }
        unsafe port.pointee.input = nil
        if unsafe state.pointee.excess != nil || state.pointee.headExcess { return .flooded }
        if let breach = unsafe state.pointee.breach { return .broken(breach) }
        if count == bytes.count { return .fine }
        return count == Int(NGHTTP2_ERR_FLOODED.rawValue) ? .flooded : .broken(.protocolError)
    }

    /// The bytes of a body have been passed on, or dropped: the peer may send as many again.
    package func consume(_ bytes: Int, of stream: Int32) {
        unsafe nghttp2_session_consume(session, stream, bytes)
    }

    /// The same for a stream that is gone: its share of the connection's window.
    package func consumeUnclaimed(_ bytes: Int) { unsafe nghttp2_session_consume_connection(session, bytes) }

    /// A header block has begun and not come to its end.
    package var isReadingHead: Bool { unsafe state.pointee.readsHead }

    /// An exchange went as it should: earns the peer some tolerance.
    package func noteCompleted() {
        unsafe state.pointee.flood.earn(.reset, 1)
        unsafe state.pointee.flood.earn(.control, 1)
        unsafe state.pointee.flood.earn(.emptyData, 1)
    }

    /// A stream was given up before its answer. False where there have been too many.
    package func noteReset() -> Bool {
        unsafe state.pointee.flood.earn(.control, 1)
        return unsafe state.pointee.flood.admit(.reset, now: state.pointee.now)
    }

    /// Whether a stream that has begun is over already: the peer has taken it back in the same read.
    package func isGone(_ stream: Int32) -> Bool {
        unsafe nghttp2_session_get_stream_remote_close(session, stream) < 0
    }

    // MARK: Sending

    package enum Body {
        /// The head is all.
        case none
        /// What the port's place has.
        case outgoing(Int32)
    }

    /// An answer's head; its names are lowered in place. False where it cannot be sent: the stream is gone.
    package func submitResponse(_ head: MutableByteView, on stream: Int32, body: Body) -> Bool {
        let port = unsafe state.pointee.port
        guard unsafe port.pointee.values.readResponse(head) else { return false }
        let count = unsafe port.pointee.values.count
        let pairs = unsafe port.pointee.values.pointer
        switch body {
        case .none:
            return unsafe nghttp2_submit_response(session, stream, pairs, count, nil) == 0
        case .outgoing(let index):
            var provider = unsafe Self.provider(index)
            return unsafe nghttp2_submit_response(session, stream, pairs, count, &provider) == 0
        }
    }

    /// A 1xx answer's head.
    package func submitInterim(_ head: MutableByteView, on stream: Int32) -> Bool {
        let port = unsafe state.pointee.port
        guard unsafe port.pointee.values.readResponse(head) else { return false }
        return unsafe nghttp2_submit_headers(
            session, UInt8(NGHTTP2_FLAG_NONE.rawValue), stream, nil, port.pointee.values.pointer,
            port.pointee.values.count, nil) == 0
    }

    /// A request's head. Returns its stream; nil where none can be begun.
    package func submitRequest(_ head: MutableByteView, scheme: ByteView, body: Body) -> Int32? {
        let port = unsafe state.pointee.port
        guard unsafe port.pointee.values.readRequest(head, scheme: scheme) else { return nil }
        let count = unsafe port.pointee.values.count
        let pairs = unsafe port.pointee.values.pointer
        let stream: Int32
        switch body {
        case .none: stream = unsafe nghttp2_submit_request(session, nil, pairs, count, nil, nil)
        case .outgoing(let index):
            var provider = unsafe Self.provider(index)
            stream = unsafe nghttp2_submit_request(session, nil, pairs, count, &provider, nil)
        }
        return stream > 0 ? stream : nil
    }

    private static func provider(_ index: Int32) -> nghttp2_data_provider {
        unsafe nghttp2_data_provider(source: nghttp2_data_source(fd: index), read_callback: readCallback)
    }

    /// The port's place has more to send than when the stream last had to wait.
    package func resume(_ stream: Int32) { unsafe nghttp2_session_resume_data(session, stream) }

    package func reset(_ stream: Int32, _ code: HTTP2Error) {
        unsafe nghttp2_submit_rst_stream(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), stream, code.rawValue)
    }

    /// Asks the peer to stop sending a request once its answer is out (RFC 9113 §8.1).
    package func resetWhenAnswered(_ stream: Int32) { unsafe state.pointee.unwanted.append(stream) }

    /// Resets those of the unwanted streams whose answers are out. True where there were any.
    private func resetAnswered() -> Bool {
        guard unsafe !state.pointee.unwanted.isEmpty else { return false }
        var hasReset = false
        let unwanted = unsafe state.pointee.unwanted
        unsafe state.pointee.unwanted.removeAll()
        for stream in unwanted {
            switch unsafe nghttp2_session_get_stream_local_close(session, stream) {
            case 1:
                reset(stream, .none)
                hasReset = true
            case 0: unsafe state.pointee.unwanted.append(stream)
            default: break
            }
        }
        return hasReset
    }

    /// Tells the peer that the connection is going to end, without refusing what is on its way (RFC 9113
    /// §6.8).
    package func announceShutdown() { unsafe nghttp2_submit_shutdown_notice(session) }

    /// No stream beyond those that have begun.
    package func refuseNewStreams() {
        let last = unsafe nghttp2_session_get_last_proc_stream_id(session)
        unsafe nghttp2_submit_goaway(
            session, UInt8(NGHTTP2_FLAG_NONE.rawValue), last, HTTP2Error.none.rawValue, nil, 0)
    }

    /// Ends the connection once this is said.
    package func terminate(_ code: HTTP2Error) {
        unsafe nghttp2_session_terminate_session(session, code.rawValue)
    }

    package var wantsToWrite: Bool {
        unsafe nghttp2_session_want_write(session) != 0 || !state.pointee.unwanted.isEmpty
    }
    /// Whether anything may still come that matters.
    package var wantsToRead: Bool { unsafe nghttp2_session_want_read(session) != 0 }

    /// Whether the request on a stream is on its way, or was: none is that is still to be written.
    package func hasBegun(_ stream: Int32) -> Bool { unsafe stream <= state.pointee.lastRequest }

    /// Whether the peer, a server, takes one more request now.
    package var acceptsRequests: Bool { unsafe nghttp2_session_check_request_allowed(session) != 0 }

    /// Streams that the peer lets this side have open at once.
    package var peerStreams: Int {
        unsafe Int(
            nghttp2_session_get_remote_settings(session, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS))
    }

    /// Writes frames into `region` as long as there are any and one more has room; DATA frames have gaps,
    /// which the port's fills name. Returns the bytes written, gaps included, or nil where the session is
    /// broken.
    package func write(into region: MutableByteView) -> Int? {
        let port = unsafe state.pointee.port
        unsafe port.pointee.output = unsafe region.start
        unsafe port.pointee.capacity = region.count
        unsafe port.pointee.count = 0
        unsafe port.pointee.fills.removeAll(keepingCapacity: true)
        while unsafe port.pointee.capacity - port.pointee.count >= HTTP2Port.frameRoom {
            let before = unsafe port.pointee.count
            var frame: UnsafePointer<UInt8>?
            let count = unsafe nghttp2_session_mem_send(session, &frame)
            guard count >= 0 else { return nil }
            guard count > 0, let frame = unsafe frame else {
                if unsafe port.pointee.count == before, !resetAnswered() { break }
                continue
            }
            guard unsafe count <= port.pointee.capacity - port.pointee.count else { return nil }
            unsafe region.write(
                ByteView(start: UnsafeRawPointer(frame), count: count), at: port.pointee.count)
            unsafe port.pointee.count += count
        }
        return unsafe port.pointee.count
    }
}

/// Error codes of RFC 9113 §7 that this side uses.
package enum HTTP2Error: UInt32, Sendable {
    case none = 0
    case protocolError = 1
    case internalError = 2
    case frameSize = 6
    case refusedStream = 7
    case cancel = 8
    case enhanceYourCalm = 11
}
