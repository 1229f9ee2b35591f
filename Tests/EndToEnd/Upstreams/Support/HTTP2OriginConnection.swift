import Foundation

/// A connection of an HTTP/2 origin. Reads only while the test waits for something. Acknowledges settings,
/// answers PING, and grants what it has read, where it was told to; what no client may send is kept in
/// `violations`.
final class HTTP2OriginConnection {
    let socket: TestSocket
    private let limit: Duration
    /// Whether windows are opened as bodies come.
    var grants: Bool
    private var buffered: ArraySlice<UInt8> = []
    private var decoder = HPACKDecoder()
    private var block: (stream: UInt32, bytes: [UInt8], isLast: Bool)?

    /// By stream.
    private(set) var requests: [UInt32: HTTP2Request] = [:]
    /// Streams in their order, and how many of them `request` has given out.
    private(set) var order: [UInt32] = []
    private var taken = 0
    private(set) var settings: [UInt16: UInt32]?
    private(set) var settingsAcks = 0
    private(set) var pongs: [[UInt8]] = []
    private(set) var goAways: [HTTP2Client.GoAway] = []
    private(set) var isClosed = false
    private(set) var wasReset = false
    private(set) var violations: [String] = []
    /// Most streams at once that were open, and those that are.
    private(set) var mostOpen = 0
    private var open: Set<UInt32> = []

    /// Bytes that the gateway may still send.
    private var ownWindow = HTTP2Client.defaultWindow
    private var receiveWindow = HTTP2Client.defaultWindow
    private var receiveWindows: [UInt32: Int] = [:]
    /// Bytes that may be sent to the gateway.
    private var sendWindow = HTTP2Client.defaultWindow
    private var sendWindows: [UInt32: Int] = [:]

    init(_ socket: TestSocket, grants: Bool, limit: Duration = .seconds(10)) {
        self.socket = socket
        self.grants = grants
        self.limit = limit
    }

    func greet(_ values: [(UInt16, UInt32)]) throws {
        for (name, value) in values where name == HTTP2Setting.window { ownWindow = Int(value) }
        try send(.settings(values))
        let deadline = Deadline(in: limit)
        while buffered.count < HTTP2Client.preface.count {
            let bytes = try socket.receive(deadline)
            guard !bytes.isEmpty else { throw HTTP2Left(what: "its preface") }
            buffered = ArraySlice(Array(buffered) + bytes)
        }
        guard buffered.starts(with: HTTP2Client.preface) else {
            throw MalformedMessage.head(String(latin1: buffered.prefix(24)))
        }
        buffered = buffered.dropFirst(HTTP2Client.preface.count)
    }

    // MARK: Sending

    func send(_ frames: HTTP2Frame...) throws(SocketError) { try send(frames) }

    /// In one call, so that the gateway may well see them at once.
    func send(_ frames: [HTTP2Frame]) throws(SocketError) {
        for frame in frames { note(sent: frame) }
        try socket.send(frames.flatMap(\.bytes), Deadline(in: limit))
    }

    /// Changes the window of streams with settings: those that are open change by the difference.
    func changeWindow(to size: Int) throws {
        for stream in receiveWindows.keys { receiveWindows[stream]? += size - ownWindow }
        ownWindow = size
        try send(.settings([(HTTP2Setting.window, UInt32(size))]))
    }

    private func note(sent frame: HTTP2Frame) {
        let mayEnd = frame.kind == HTTP2Frame.Kind.data || frame.kind == HTTP2Frame.Kind.headers
        if mayEnd, frame.flags.contains(.endStream) { open.remove(frame.stream) }
        switch frame.kind {
        case HTTP2Frame.Kind.data:
            sendWindow -= frame.payload.count
            sendWindows[frame.stream] = room(of: frame.stream) - frame.payload.count
        case HTTP2Frame.Kind.window:
            let count = Int(HTTP2Frame.number(frame.payload))
            if frame.stream == 0 { receiveWindow += count } else { addRoom(count, to: frame.stream) }
        default: break
        }
    }

    private func addRoom(_ count: Int, to stream: UInt32) {
        receiveWindows[stream] = (receiveWindows[stream] ?? ownWindow) + count
    }

    private func room(of stream: UInt32) -> Int {
        sendWindows[stream] ?? Int(settings?[HTTP2Setting.window] ?? UInt32(HTTP2Client.defaultWindow))
    }

    /// Bytes that the gateway takes now on a stream.
    func room(on stream: UInt32) -> Int { min(sendWindow, room(of: stream)) }

    /// An answer's head, or trailers.
    func head(
        _ stream: UInt32, _ status: Int = 200, _ fields: [(String, String)] = [], isLast: Bool = false
    ) throws {
        let all = [(":status", "\(status)")] + fields
        try send(.headers(stream, .fields(all), isLast ? .whole : .endHeaders))
    }

    func trailers(_ stream: UInt32, _ fields: [(String, String)]) throws {
        try send(.headers(stream, .fields(fields), .whole))
    }

    func data(_ stream: UInt32, _ text: String, isLast: Bool = false) throws {
        try send(.data(stream, text.latin1, isLast ? .endStream : []))
    }

    /// A whole answer in one call.
    func answer(
        _ stream: UInt32, _ status: Int = 200, _ fields: [(String, String)] = [], body: String = "answered"
    ) throws {
        let head = HPACKBlock.fields([(":status", "\(status)")] + fields)
        try send(.headers(stream, head, .endHeaders), .data(stream, body.latin1, .endStream))
    }

    /// Sends so many bytes of the pattern as the gateway grants them.
    ///
    /// - Returns: how many were sent before nothing was granted for a while; all, where that did not happen.
    func sendPattern(
        _ count: Int, from start: Int = 0, on stream: UInt32, ends: Bool = true,
        stallingAfter pause: Duration = .seconds(10)
    ) throws -> Int {
        var position = start
        while position < count {
            if room(on: stream) <= 0 {
                do {
                    try wait(for: "a grant", within: pause) { room(on: stream) > 0 }
                } catch is TimedOut {
                    return position
                }
            }
            let piece = min(room(on: stream), count - position, HTTP2Frame.largest)
            let isLast = ends && position + piece == count
            let bytes = Pattern.bytes(from: position, count: piece)
            try send(.data(stream, bytes, isLast ? .endStream : []))
            position += piece
        }
        return position
    }

    // MARK: Waiting

    /// Reads until a condition holds.
    func wait(for what: String, within limit: Duration? = nil, until condition: () -> Bool) throws {
        let deadline = Deadline(in: limit ?? self.limit)
        while !condition() {
            guard !isClosed else { throw HTTP2Left(what: what) }
            guard try step(deadline) else { throw TimedOut(what: "\(what) at the origin") }
        }
    }

    /// The next request's head.
    func request(within limit: Duration? = nil) throws -> HTTP2Request {
        try wait(for: "a request", within: limit) { taken < order.count }
        taken += 1
        guard let request = requests[order[taken - 1]] else { throw TimedOut(what: "a request") }
        return request
    }

    /// The request with its body, once it has ended or was reset.
    func whole(_ stream: UInt32) throws -> HTTP2Request {
        try wait(for: "the end of stream \(stream)") {
            requests[stream].map { $0.hasEnded || $0.reset != nil } ?? false
        }
        return requests[stream] ?? HTTP2Request(stream: stream, fields: [])
    }

    /// The code that a stream was reset with.
    func resetCode(_ stream: UInt32) throws -> UInt32? {
        try wait(for: "the reset of stream \(stream)") { requests[stream]?.reset != nil }
        return requests[stream]?.reset
    }

    /// Waits until the gateway has worked on all that was sent before.
    func settle() throws {
        let before = pongs.count
        try send(.ping(Array("settled-".utf8)))
        try wait(for: "the answer to PING") { pongs.count > before }
    }

    /// Waits until the gateway has closed the connection.
    func waitForEnd(within limit: Duration? = nil) throws {
        try wait(for: "the end of the connection", within: limit) { isClosed }
    }

    /// What came and was not yet looked at.
    func takeWhatCame() { try? wait(for: "what came", within: .zero) { isClosed } }

    func close() { socket.close() }

    /// Ends the connection with a reset.
    func reset() { socket.reset() }

    // MARK: Reading

    private func step(_ deadline: Deadline) throws(SocketError) -> Bool {
        if let (frame, length) = HTTP2Frame.parse(buffered) {
            buffered = buffered.dropFirst(length)
            try take(frame)
            return true
        }
        let bytes: [UInt8]
        do {
            bytes = try socket.receive(deadline)
        } catch {
            switch error {
            case .timedOut: return false
            case .reset:
                wasReset = true
                bytes = []
            case .cannotOpen, .cannotConnect, .failed, .tls: throw error
            }
        }
        if bytes.isEmpty { isClosed = true }
        buffered = ArraySlice(Array(buffered) + bytes)
        return true
    }

    private func take(_ frame: HTTP2Frame) throws(SocketError) {
        if settings == nil, frame.kind != HTTP2Frame.Kind.settings {
            violations.append("SETTINGS were not its first frame")
        }
        switch frame.kind {
        case HTTP2Frame.Kind.settings: try takeSettings(frame)
        case HTTP2Frame.Kind.ping:
            if frame.flags.contains(.ack) {
                pongs.append(frame.payload)
            } else {
                try send(.ping(frame.payload, .ack))
            }
        case HTTP2Frame.Kind.goAway where frame.payload.count >= 8:
            goAways.append(
                HTTP2Client.GoAway(
                    last: HTTP2Frame.number(frame.payload[..<4]) & 0x7FFF_FFFF,
                    code: HTTP2Frame.number(frame.payload[4..<8]),
                    debug: String(latin1: frame.payload.dropFirst(8))))
        case HTTP2Frame.Kind.window where frame.payload.count == 4:
            let count = Int(HTTP2Frame.number(frame.payload) & 0x7FFF_FFFF)
            if count == 0 { violations.append("WINDOW_UPDATE of 0") }
            if frame.stream == 0 {
                sendWindow += count
            } else {
                sendWindows[frame.stream] = room(of: frame.stream) + count
            }
        case HTTP2Frame.Kind.headers, HTTP2Frame.Kind.continuation: takeBlock(frame)
        case HTTP2Frame.Kind.data: try takeData(frame)
        case HTTP2Frame.Kind.reset where frame.payload.count == 4:
            requests[frame.stream]?.reset = HTTP2Frame.number(frame.payload)
            open.remove(frame.stream)
        default: break
        }
    }

    private func takeSettings(_ frame: HTTP2Frame) throws(SocketError) {
        guard !frame.flags.contains(.ack) else {
            settingsAcks += 1
            return
        }
        var values = settings ?? [:]
        for start in stride(from: 0, to: frame.payload.count - 5, by: 6) {
            let name = UInt16(HTTP2Frame.number(frame.payload[start..<start + 2]))
            values[name] = HTTP2Frame.number(frame.payload[start + 2..<start + 6])
        }
        settings = values
        try send(.settingsAck)
    }

    private func takeData(_ frame: HTTP2Frame) throws(SocketError) {
        receiveWindow -= frame.payload.count
        addRoom(-frame.payload.count, to: frame.stream)
        if receiveWindow < 0 || (receiveWindows[frame.stream] ?? 0) < 0 {
            violations.append("DATA beyond the window on stream \(frame.stream)")
        }
        guard requests[frame.stream]?.hasEnded == false, requests[frame.stream]?.reset == nil else {
            violations.append("DATA on stream \(frame.stream), which has none")
            return
        }
        requests[frame.stream]?.body += frame.payload
        if frame.flags.contains(.endStream) { end(frame.stream) }
        guard grants, !frame.payload.isEmpty else { return }
        let count = UInt32(frame.payload.count)
        try send(.window(0, count), .window(frame.stream, count))
    }

    private func end(_ stream: UInt32) { requests[stream]?.hasEnded = true }

    private func takeBlock(_ frame: HTTP2Frame) {
        if frame.kind == HTTP2Frame.Kind.headers {
            block = (frame.stream, frame.payload, frame.flags.contains(.endStream))
        } else {
            block?.bytes += frame.payload
        }
        guard frame.flags.contains(.endHeaders), let (stream, bytes, isLast) = block else { return }
        block = nil
        let fields: [HPACKDecoder.Field]
        do { fields = try decoder.decode(bytes) } catch {
            return violations.append("\(error)")
        }
        if requests[stream] == nil {
            requests[stream] = HTTP2Request(stream: stream, fields: fields)
            order.append(stream)
            open.insert(stream)
            mostOpen = max(mostOpen, open.count)
        } else {
            requests[stream]?.trailers = fields
        }
        if isLast { end(stream) }
    }
}
