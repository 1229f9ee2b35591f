import Foundation

/// A client that sends exactly the frames it is told to, reads with deadlines, and holds the server to the
/// protocol: what no server may send is kept in `violations`.
///
/// What a well-behaved client does by itself, it does too: it acknowledges settings and answers PING. It
/// grants no window by itself.
final class HTTP2Client {
    struct GoAway: Equatable {
        let last: UInt32
        let code: UInt32
        let debug: String
    }

    static let preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".latin1
    static let defaultWindow = 65_535

    let socket: TestSocket
    private let limit: Duration
    private var buffered: ArraySlice<UInt8> = []
    private var decoder = HPACKDecoder()
    private var block: (stream: UInt32, bytes: [UInt8], isLast: Bool)?

    /// What came so far on each stream.
    private(set) var answers: [UInt32: HTTP2Answer] = [:]
    /// Bytes that the server may still send: as `own` says at the start of a stream, and the connection's.
    private var receiveWindows: [UInt32: Int] = [:]
    private(set) var receiveWindow = HTTP2Client.defaultWindow
    /// The window that this client's settings give to each of the server's streams.
    private var ownWindow = HTTP2Client.defaultWindow
    /// The server's settings, once they came.
    private(set) var settings: [UInt16: UInt32]?
    private(set) var settingsAcks = 0
    /// What WINDOW_UPDATE frames have granted, by stream.
    private(set) var grants: [UInt32: Int] = [:]
    private(set) var pongs: [[UInt8]] = []
    private(set) var goAways: [GoAway] = []
    private(set) var isClosed = false
    /// Frames of bodies, empty ones too.
    private(set) var dataFrames = 0
    private(set) var violations: [String] = []
    /// Bytes that are no frames, where the peer was allowed to speak HTTP/1.1.
    private(set) var text: [UInt8] = []
    private let isText: Bool
    private var highest: UInt32 = 0

    /// - Parameters:
    ///   - limit: how long each call may take.
    ///   - receiveBuffer: a small one makes this client slow for the server soon.
    ///   - isText: nothing that comes is read as frames.
    init(
        port: UInt16, limit: Duration = .seconds(10), receiveBuffer: Int32? = nil, isText: Bool = false
    ) throws(SocketError) {
        socket = try .connect(port: port, receiveBuffer: receiveBuffer)
        self.limit = limit
        self.isText = isText
    }

    /// - Parameter socket: connected already, by TLS.
    init(socket: TestSocket, limit: Duration = .seconds(10)) {
        self.socket = socket
        self.limit = limit
        isText = false
    }

    /// The start of a connection: the preface with settings.
    func greet(_ values: [(UInt16, UInt32)] = []) throws(SocketError) {
        for (name, value) in values where name == HTTP2Setting.window { ownWindow = Int(value) }
        try send(Self.preface + HTTP2Frame.settings(values).bytes)
    }

    func send(_ bytes: [UInt8]) throws(SocketError) { try socket.send(bytes, Deadline(in: limit)) }

    func send(_ frames: HTTP2Frame...) throws(SocketError) { try send(frames) }

    /// In one call, so that the server may well see them at once.
    func send(_ frames: [HTTP2Frame]) throws(SocketError) {
        for frame in frames where frame.kind == HTTP2Frame.Kind.headers {
            highest = max(highest, frame.stream & 0x7FFF_FFFF)
        }
        try send(frames.flatMap(\.bytes))
    }

    /// Grants the server more to send.
    func grant(_ stream: UInt32, _ count: Int) throws(SocketError) {
        if stream == 0 {
            receiveWindow += count
        } else {
            receiveWindows[stream] = (receiveWindows[stream] ?? ownWindow) + count
        }
        try send(.window(stream, UInt32(count)))
    }

    /// Changes the window of streams with settings: those that are open change by the difference.
    func changeWindow(to size: Int) throws(SocketError) {
        for stream in answers.keys where receiveWindows[stream] != nil {
            receiveWindows[stream]? += size - ownWindow
        }
        ownWindow = size
        try send(.settings([(HTTP2Setting.window, UInt32(size))]))
    }

    /// Has the decoder insist on a smaller table from the next acknowledgement on.
    func limitTable(to size: Int) { decoder.limitTable(to: size) }

    /// Lets streams without an entry be seen in the answers before anything came.
    func answer(sofar stream: UInt32) -> HTTP2Answer { answers[stream] ?? HTTP2Answer() }

    /// Reads until a condition holds.
    ///
    /// - Throws: `TimedOut` where it does not in time; `HTTP2Ended` where the connection ended.
    func wait(for what: String, within limit: Duration? = nil, until condition: () -> Bool) throws {
        let deadline = Deadline(in: limit ?? self.limit)
        while !condition() {
            guard !isClosed else { throw HTTP2Ended(what: what, goAways: goAways) }
            guard try step(deadline) else { throw TimedOut(what: "\(what); so far \(summary)") }
        }
    }

    /// Reads until the server ends the connection.
    func waitForEnd(within limit: Duration? = nil) throws {
        try wait(for: "the end of the connection", within: limit) { isClosed }
    }

    /// The whole answer on a stream, or what came of it before its reset.
    func answer(_ stream: UInt32, within limit: Duration? = nil) throws -> HTTP2Answer {
        try wait(for: "the end of stream \(stream)", within: limit) { answers[stream]?.isOver == true }
        return answer(sofar: stream)
    }

    /// The final answer's head.
    func head(_ stream: UInt32) throws -> HTTP2Answer {
        try wait(for: "the head on stream \(stream)") {
            answers[stream]?.head != nil || answers[stream]?.isOver == true
        }
        return answer(sofar: stream)
    }

    /// Sends a PING and waits for its answer: what was sent before has been worked on.
    func settle(_ mark: String = "settle--") throws {
        let payload = Array(mark.utf8)
        let before = pongs.count { $0 == payload }
        try send(.ping(payload))
        try wait(for: "the answer to PING") { pongs.count { $0 == payload } > before }
    }

    func close() { socket.close() }

    /// What came, in one line.
    var summary: String {
        var parts = answers.sorted { $0.key < $1.key }.suffix(4).map { "stream \($0.key): \($0.value)" }
        parts += goAways.map { "GOAWAY \(HTTP2Code.name($0.code)) last \($0.last) '\($0.debug)'" }
        if !pongs.isEmpty { parts.append("\(pongs.count) PING answered") }
        if isClosed { parts.append("closed") }
        if !text.isEmpty { parts.append("text \(String(latin1: text.prefix(60)).debugDescription)") }
        return parts.isEmpty ? "nothing" : parts.joined(separator: "; ")
    }

    // MARK: Reading

    /// Takes the next frame, or the end; false where neither came in time.
    private func step(_ deadline: Deadline) throws(SocketError) -> Bool {
        if !isText, let (frame, length) = HTTP2Frame.parse(buffered) {
            buffered = buffered.dropFirst(length)
            take(frame)
            return true
        }
        let bytes: [UInt8]
        do {
            bytes = try socket.receive(deadline)
        } catch {
            switch error {
            case .timedOut: return false
            case .reset: bytes = []
            case .cannotOpen, .cannotConnect, .failed, .tls: throw error
            }
        }
        if bytes.isEmpty { isClosed = true }
        if isText {
            text += bytes
        } else {
            buffered = ArraySlice(Array(buffered) + bytes)
        }
        return true
    }

    private func take(_ frame: HTTP2Frame) {
        check(frame)
        switch frame.kind {
        case HTTP2Frame.Kind.settings: takeSettings(frame)
        case HTTP2Frame.Kind.ping:
            if frame.flags.contains(.ack) {
                pongs.append(frame.payload)
            } else {
                try? send(.ping(frame.payload, .ack))
            }
        case HTTP2Frame.Kind.goAway where frame.payload.count >= 8:
            let debug = String(latin1: frame.payload.dropFirst(8).prefix(80))
            goAways.append(
                GoAway(
                    last: HTTP2Frame.number(frame.payload[..<4]) & 0x7FFF_FFFF,
                    code: HTTP2Frame.number(frame.payload[4..<8]), debug: debug))
        case HTTP2Frame.Kind.window where frame.payload.count == 4:
            let increment = Int(HTTP2Frame.number(frame.payload) & 0x7FFF_FFFF)
            if increment == 0 { violations.append("WINDOW_UPDATE of 0") }
            grants[frame.stream, default: 0] += increment
        case HTTP2Frame.Kind.headers, HTTP2Frame.Kind.continuation: takeBlock(frame)
        case HTTP2Frame.Kind.data: takeData(frame)
        case HTTP2Frame.Kind.reset where frame.payload.count == 4:
            answers[frame.stream, default: HTTP2Answer()].reset = HTTP2Frame.number(frame.payload)
        default: break
        }
    }

    private func takeSettings(_ frame: HTTP2Frame) {
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
        // The server may have gone already, which is seen where the next bytes are read.
        try? send(.settingsAck)
    }

    private func takeData(_ frame: HTTP2Frame) {
        guard let bytes = content(frame) else { return }
        dataFrames += 1
        receiveWindow -= frame.payload.count
        let left = (receiveWindows[frame.stream] ?? ownWindow) - frame.payload.count
        receiveWindows[frame.stream] = left
        if !frame.payload.isEmpty, receiveWindow < 0 || left < 0 {
            violations.append("DATA beyond the window on stream \(frame.stream)")
        }
        var answer = answer(sofar: frame.stream)
        if answer.head == nil { violations.append("DATA before a head on stream \(frame.stream)") }
        answer.body += bytes
        if frame.flags.contains(.endStream) { answer.hasEnded = true }
        answers[frame.stream] = answer
    }

    private func takeBlock(_ frame: HTTP2Frame) {
        if frame.kind == HTTP2Frame.Kind.headers {
            guard var bytes = content(frame) else { return }
            if frame.flags.contains(.priority) { bytes = Array(bytes.dropFirst(5)) }
            block = (frame.stream, bytes, frame.flags.contains(.endStream))
        } else {
            block?.bytes += frame.payload
        }
        guard frame.flags.contains(.endHeaders), let (stream, bytes, isLast) = block else { return }
        block = nil
        do {
            let fields = try decoder.decode(bytes)
            var answer = answer(sofar: stream)
            violations += answer.take(fields, isLast: isLast).map { "stream \(stream): \($0)" }
            answers[stream] = answer
        } catch {
            violations.append("\(error)")
        }
    }

    /// The payload without its padding.
    private func content(_ frame: HTTP2Frame) -> [UInt8]? {
        guard frame.flags.contains(.padded) else { return frame.payload }
        guard let padding = frame.payload.first, Int(padding) < frame.payload.count else {
            violations.append("padding beyond the frame")
            return nil
        }
        return Array(frame.payload.dropFirst().dropLast(Int(padding)))
    }

    // MARK: What no server may send

    private func check(_ frame: HTTP2Frame) {
        if settings == nil, frame.kind != HTTP2Frame.Kind.settings || frame.flags.contains(.ack) {
            // §3.4: except where the server could not even read the preface.
            if frame.kind != HTTP2Frame.Kind.goAway {
                violations.append("SETTINGS were not its first frame")
            }
        }
        if frame.payload.count > HTTP2Frame.largest { violations.append("a frame beyond 16 KiB") }
        if let block, frame.kind != HTTP2Frame.Kind.continuation || frame.stream != block.stream {
            violations.append("a frame inside of a header block")
        }
        switch frame.kind {
        case HTTP2Frame.Kind.data, HTTP2Frame.Kind.headers, HTTP2Frame.Kind.reset: checkStream(frame)
        case HTTP2Frame.Kind.push: violations.append("PUSH_PROMISE")
        case HTTP2Frame.Kind.settings, HTTP2Frame.Kind.ping, HTTP2Frame.Kind.goAway:
            if frame.stream != 0 { violations.append("frame \(frame.kind) on stream \(frame.stream)") }
        case HTTP2Frame.Kind.continuation:
            if block == nil { violations.append("CONTINUATION without HEADERS") }
        default: break
        }
    }

    private func checkStream(_ frame: HTTP2Frame) {
        if frame.stream == 0 { violations.append("frame \(frame.kind) on stream 0") }
        let answer = answer(sofar: frame.stream)
        let isReset = frame.kind == HTTP2Frame.Kind.reset
        if answer.reset != nil || (answer.hasEnded && !isReset) {
            violations.append("frame \(frame.kind) behind the end of stream \(frame.stream)")
        }
    }
}

/// The server ended the connection before what a test waited for.
struct HTTP2Ended: Error, CustomStringConvertible {
    let what: String
    let goAways: [HTTP2Client.GoAway]

    var description: String {
        let last = goAways.last.map { "GOAWAY \(HTTP2Code.name($0.code)) '\($0.debug)'" } ?? "no GOAWAY"
        return "the server ended the connection (\(last)) before \(what)"
    }
}
