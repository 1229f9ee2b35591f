import Bytes
import CNghttp2
import Glibc

// What nghttp2 calls while it works. Everything is written down in the port; nothing is decided but what the
// peer has too much of.
//
// SAFETY: `user` is the state of a session that is in a call of `HTTP2Session`, so it and its port live.
// Frames and bytes are nghttp2's for the length of the callback.

private typealias SessionState = UnsafeMutablePointer<HTTP2Session.State>

@unsafe
private func sessionState(_ user: UnsafeMutableRawPointer?) -> SessionState {
    guard let user = unsafe user else { preconditionFailure("a session without its state") }
    return unsafe user.assumingMemoryBound(to: HTTP2Session.State.self)
}

private let failure = Int32(NGHTTP2_ERR_CALLBACK_FAILURE.rawValue)
private let streamFailure = Int32(NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue)

@unsafe
func makeCallbacks() -> OpaquePointer {
    var made: OpaquePointer?
    unsafe nghttp2_session_callbacks_new(&made)
    guard let callbacks = unsafe made else { preconditionFailure("no memory for HTTP/2") }
    unsafe nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks, beginFrame)
    unsafe nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, beginHeaders)
    unsafe nghttp2_session_callbacks_set_on_header_callback(callbacks, header)
    unsafe nghttp2_session_callbacks_set_on_invalid_header_callback(callbacks) { _, _, _, _, _, _, _, user in
        unsafe sessionState(user).pointee.readsHead = false
        return streamFailure
    }
    // A head that is refused is over too: nobody waits for its end.
    unsafe nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(callbacks) { _, _, _, user in
        unsafe sessionState(user).pointee.readsHead = false
        return 0
    }
    unsafe nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, frameReceived)
    unsafe nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, dataReceived)
    unsafe nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, streamClosed)
    unsafe nghttp2_session_callbacks_set_send_data_callback(callbacks, sendData)
    unsafe nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, frameSent)
    return unsafe callbacks
}

// MARK: Frames

private func beginFrame(
    _: OpaquePointer?, _ head: UnsafePointer<nghttp2_frame_hd>?, _ user: UnsafeMutableRawPointer?
) -> Int32 {
    guard let head = unsafe head?.pointee else { return 0 }
    let state = unsafe sessionState(user)
    switch UInt32(head.type) {
    // What nghttp2 lets pass: RFC 9113 §4.2, for frames that have no stream to themselves, and §6.3.
    case NGHTTP2_CONTINUATION.rawValue where head.length > HTTP2Port.longestPayload:
        return unsafe refuse(state, .frameSize)
    case NGHTTP2_PRIORITY.rawValue where head.stream_id == 0: return unsafe refuse(state, .protocolError)
    default: return 0
    }
}

/// Ends the call and with it the connection.
@unsafe
private func refuse(_ state: SessionState, _ breach: HTTP2Error) -> Int32 {
    unsafe state.pointee.breach = breach
    return failure
}

private func frameSent(
    _: OpaquePointer?, _ frame: UnsafePointer<nghttp2_frame>?, _ user: UnsafeMutableRawPointer?
) -> Int32 {
    guard let head = unsafe frame?.pointee.hd else { return 0 }
    let state = unsafe sessionState(user)
    switch UInt32(head.type) {
    // Each DATA frame may bring window updates back, for the stream and for the connection.
    case NGHTTP2_DATA.rawValue: unsafe state.pointee.flood.earn(.window, 10)
    case NGHTTP2_HEADERS.rawValue:
        unsafe state.pointee.lastRequest = unsafe max(state.pointee.lastRequest, head.stream_id)
    default: break
    }
    return 0
}

private func frameReceived(
    _: OpaquePointer?, _ frame: UnsafePointer<nghttp2_frame>?, _ user: UnsafeMutableRawPointer?
) -> Int32 {
    guard let frame = unsafe frame else { return 0 }
    let head = unsafe frame.pointee.hd
    let state = unsafe sessionState(user)
    let port = unsafe state.pointee.port
    let isEnd = UInt32(head.flags) & NGHTTP2_FLAG_END_STREAM.rawValue != 0
    switch UInt32(head.type) {
    case NGHTTP2_HEADERS.rawValue:
        unsafe state.pointee.readsHead = false
        return unsafe headComplete(state, stream: head.stream_id, isEnd: isEnd)
    case NGHTTP2_DATA.rawValue:
        if isEnd { unsafe port.pointee.events.append(.end(stream: head.stream_id)) }
        // Nothing but padding is nothing.
        let padding = unsafe frame.pointee.data.padlen
        if head.length > 0, head.length <= padding,
            unsafe !state.pointee.flood.admit(.emptyData, now: state.pointee.now)
        {
            unsafe state.pointee.excess = .emptyData
            return failure
        }
    case NGHTTP2_GOAWAY.rawValue:
        unsafe port.pointee.events.append(
            .goAway(last: frame.pointee.goaway.last_stream_id, code: frame.pointee.goaway.error_code))
    case NGHTTP2_SETTINGS.rawValue where UInt32(head.flags) & NGHTTP2_FLAG_ACK.rawValue == 0:
        unsafe port.pointee.events.append(.settings)
    default: break
    }
    return 0
}

// MARK: Heads

private func beginHeaders(
    _: OpaquePointer?, _ frame: UnsafePointer<nghttp2_frame>?, _ user: UnsafeMutableRawPointer?
) -> Int32 {
    let state = unsafe sessionState(user)
    unsafe state.pointee.readsHead = true
    unsafe state.pointee.port.pointee.assembly.reset()
    return 0
}

private func header(
    _: OpaquePointer?, _ frame: UnsafePointer<nghttp2_frame>?, _ name: UnsafePointer<UInt8>?,
    _ nameLength: Int,
    _ value: UnsafePointer<UInt8>?, _ valueLength: Int, _ flags: UInt8, _ user: UnsafeMutableRawPointer?
) -> Int32 {
    guard let name = unsafe name, let value = unsafe value else { return 0 }
    let state = unsafe sessionState(user)
    let port = unsafe state.pointee.port
    unsafe port.pointee.assembly.add(
        ByteView(start: UnsafeRawPointer(name), count: nameLength),
        ByteView(start: UnsafeRawPointer(value), count: valueLength), limit: state.pointee.headLimit)
    // A little too much is answered; what goes on and on, a few bytes for kilobytes, ends the connection.
    guard unsafe port.pointee.assembly.size <= state.pointee.headLimit * 4 else {
        unsafe state.pointee.headExcess = true
        return failure
    }
    return 0
}

@unsafe
private func headComplete(_ state: SessionState, stream: Int32, isEnd: Bool) -> Int32 {
    let port = unsafe state.pointee.port
    guard unsafe port.pointee.assembly.size <= state.pointee.headLimit else {
        let start = unsafe port.pointee.text.count
        unsafe port.pointee.assembly.writeBeginning(to: &port.pointee.text)
        unsafe port.pointee.events.append(
            .headTooLarge(stream: stream, text: start..<port.pointee.text.count))
        return 0
    }
    let start = unsafe port.pointee.text.count
    if unsafe !port.pointee.assembly.hasPseudoFields {
        guard unsafe port.pointee.assembly.writeTrailers(to: &port.pointee.text) else { return streamFailure }
        unsafe port.pointee.events.append(.trailers(stream: stream, text: start..<port.pointee.text.count))
        return 0
    }
    var opening = HTTP2Port.Opening.plain
    switch unsafe state.pointee.role {
    case .server:
        let (isValid, opens) = unsafe port.pointee.assembly.writeRequest(to: &port.pointee.text) {
            unsafe webSocketKey(&port.pointee.seed)
        }
        guard isValid else { return streamFailure }
        opening = opens == .plain ? .plain : opens == .webSocket ? .webSocket : .otherProtocol
    case .client:
        guard unsafe port.pointee.assembly.writeResponse(to: &port.pointee.text) else { return streamFailure }
    }
    unsafe port.pointee.events.append(
        .head(stream: stream, text: start..<port.pointee.text.count, isEnd: isEnd, opens: opening))
    return 0
}

/// Sixteen bytes in base64 (RFC 6455 §4.1): 22 characters of 6 bits, the last of 2, and padding.
private func webSocketKey(_ seed: inout UInt64) -> [UInt8] {
    let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    var key: [UInt8] = (0..<22).map { position in
        // SplitMix64: what matters is that no two handshakes have the same key.
        seed &+= 0x9E37_79B9_7F4A_7C15
        var mixed = seed
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        mixed ^= mixed >> 31
        return alphabet[Int(mixed & (position == 21 ? 0x30 : 0x3F))]
    }
    key += [0x3D, 0x3D]
    return key
}

// MARK: Bodies

private func dataReceived(
    _: OpaquePointer?, _: UInt8, _ stream: Int32, _ bytes: UnsafePointer<UInt8>?, _ count: Int,
    _ user: UnsafeMutableRawPointer?
) -> Int32 {
    let state = unsafe sessionState(user)
    let port = unsafe state.pointee.port
    guard let bytes = unsafe bytes, let input = unsafe port.pointee.input else { return failure }
    let offset = unsafe UnsafeRawPointer(bytes) - input
    unsafe state.pointee.flood.earn(.emptyData, 1)
    unsafe port.pointee.events.append(.data(stream: stream, bytes: offset..<offset + count))
    return 0
}

private func streamClosed(
    _: OpaquePointer?, _ stream: Int32, _ code: UInt32, _ user: UnsafeMutableRawPointer?
) -> Int32 {
    unsafe sessionState(user).pointee.port.pointee.events.append(.closed(stream: stream, code: code))
    return 0
}

/// How much of a stream's body goes into the next frame.
func readCallback(
    _ session: OpaquePointer?, _ stream: Int32, _: UnsafeMutablePointer<UInt8>?, _ length: Int,
    _ flags: UnsafeMutablePointer<UInt32>?, _ source: UnsafeMutablePointer<nghttp2_data_source>?,
    _ user: UnsafeMutableRawPointer?
) -> Int {
    guard let flags = unsafe flags, let index = unsafe source.map({ unsafe Int($0.pointee.fd) }) else {
        return 0
    }
    let port = unsafe sessionState(user).pointee.port
    let count = unsafe min(length, port.pointee.outgoing[index].pending, HTTP2Port.longestPayload)
    unsafe port.pointee.outgoing[index].pending -= count
    let isLast = unsafe port.pointee.outgoing[index].pending == 0 && port.pointee.outgoing[index].isEnded
    if isLast {
        unsafe flags.pointee |= NGHTTP2_DATA_FLAG_EOF.rawValue
        if unsafe !port.pointee.outgoing[index].trailers.isEmpty {
            unsafe flags.pointee |= NGHTTP2_DATA_FLAG_NO_END_STREAM.rawValue
            unsafe submitTrailers(of: index, session, stream, port)
        }
    } else if count == 0 {
        return Int(NGHTTP2_ERR_DEFERRED.rawValue)
    }
    if count > 0 { unsafe flags.pointee |= NGHTTP2_DATA_FLAG_NO_COPY.rawValue }
    return count
}

@unsafe
private func submitTrailers(
    of index: Int, _ session: OpaquePointer?, _ stream: Int32, _ port: UnsafeMutablePointer<HTTP2Port.State>
) {
    var trailers = unsafe port.pointee.outgoing[index].trailers
    unsafe port.pointee.outgoing[index].trailers = []
    unsafe trailers.withUnsafeMutableBytes { bytes in
        guard let start = bytes.baseAddress else { return }
        let region = unsafe MutableByteView(start: start, count: bytes.count)
        guard unsafe port.pointee.values.readTrailers(region) else { return }
        unsafe nghttp2_submit_trailer(session, stream, port.pointee.values.pointer, port.pointee.values.count)
    }
}

/// Writes a DATA frame's head and leaves a gap for its payload.
private func sendData(
    _: OpaquePointer?, _: UnsafeMutablePointer<nghttp2_frame>?, _ head: UnsafePointer<UInt8>?, _ length: Int,
    _ source: UnsafeMutablePointer<nghttp2_data_source>?, _ user: UnsafeMutableRawPointer?
) -> Int32 {
    let port = unsafe sessionState(user).pointee.port
    guard let head = unsafe head, let output = unsafe port.pointee.output,
        let index = unsafe source.map({ unsafe Int($0.pointee.fd) })
    else { return failure }
    // A frame that had no room in an earlier call: its bytes went with their owner, and the stream goes too.
    if unsafe port.pointee.outgoing[index].isDiscarded { return streamFailure }
    let start = unsafe port.pointee.count
    // Several frames may come out of one call: this one comes again when there is room.
    guard unsafe port.pointee.capacity - start >= length + 9 else {
        return Int32(NGHTTP2_ERR_WOULDBLOCK.rawValue)
    }
    unsafe memcpy(output + start, head, 9)
    unsafe port.pointee.count = start + 9 + length
    unsafe port.pointee.fills.append(
        HTTP2Port.Fill(owner: port.pointee.outgoing[index].owner, range: start + 9..<start + 9 + length))
    return 0
}
