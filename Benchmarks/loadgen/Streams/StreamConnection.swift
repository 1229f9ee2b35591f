import Addressing
import Bytes
import Glibc
import Reactor
import Time

/// A client's connection that speaks HTTP/2 over TLS.
// SAFETY: memory handed to the kernel and to OpenSSL lives for the length of each call.
final class StreamConnection {
    enum Event {
        /// An answer's first frame, and whether its status is 200.
        case head(UInt32, isGood: Bool)
        case data(UInt32, ArraySlice<UInt8>)
        case ended(UInt32)
        case reset(UInt32)
        case goAway
        /// The connection has ended, or is broken.
        case closed
    }

    enum Failure: Error { case refused, notSecured, notStreams }

    let socket: Socket
    private let tls: TLSSession
    private let authority: String
    /// Bytes in flight that are allowed on each stream; where they are fewer than any, each is given back.
    private let window: UInt32
    private var unsent: [UInt8] = []
    private var received: [UInt8] = []
    private let region = Scratch(size: 65_536)
    private var nextStream: UInt32 = 1
    private(set) var isOpen = true
    static let anyWindow: UInt32 = 0x7FFF_FFFF

    /// Connects and agrees on TLS, waiting for both. Nothing of HTTP/2 has been said then but the greeting.
    init(port: UInt16, tls client: TLSClient, window: UInt32 = anyWindow, limit: Duration = .seconds(10))
        throws
    {
        self.window = window
        authority = "127.0.0.1:\(port)"
        socket = try Socket.connect(to: .ip(.loopback, port: port))
        tls = try client.begin(on: socket)
        let ends = SystemClock.now() + limit
        guard Self.wait(socket, for: POLLOUT, until: ends), socket.pendingError() == nil else {
            socket.close()
            throw Failure.refused
        }
        while true {
            switch tls.handshake() {
            case .done:
                guard tls.application == "h2" else {
                    socket.close()
                    throw Failure.notStreams
                }
                unsent = Frame.greeting(window: window)
                return
            case .waits where Self.wait(socket, for: POLLIN, until: ends): continue
            case .waits, .failed:
                socket.close()
                throw Failure.notSecured
            }
        }
    }

    /// Waits until something can be read or written. False where the time is over.
    static func wait(_ socket: Socket, for events: Int32, until: Instant) -> Bool {
        let left = max(0, until - SystemClock.now())
        var entry = pollfd(fd: socket.descriptor, events: Int16(events), revents: 0)
        return unsafe poll(&entry, 1, Int32(clamping: (left + 999_999) / 1_000_000)) > 0
    }

    func close() {
        tls.end()
        socket.close()
        isOpen = false
    }

    // MARK: Sending

    /// Begins a request without a body, with the next send.
    func ask(_ path: String) -> UInt32 {
        let stream = nextStream
        nextStream += 2
        unsent += Frame.bytes(
            .headers, flags: Frame.endStream | Frame.endHeaders, stream: stream,
            Frame.requestFields(path: path, authority: authority))
        return stream
    }

    func say(_ bytes: [UInt8]) { unsent += bytes }

    var hasUnsent: Bool { !unsent.isEmpty }

    /// Sends as much as the kernel takes. False where the connection is broken.
    func send() -> Bool {
        var sent = 0
        defer { unsent.removeFirst(sent) }
        while sent < unsent.count {
            switch unsent.withView({ tls.send($0.dropFirst(sent)) }) {
            case .moved(let count): sent += count
            case .blocked: return true
            case .ended, .failed: return false
            }
        }
        return true
    }

    // MARK: Receiving

    /// Reads until nothing is left to read, and tells what came. What has to be answered is answered.
    func receive(_ tell: (Event) -> Void) {
        while isOpen {
            switch unsafe tls.receive(into: region.view.region) {
            case .moved(let count):
                received += region.view.view.prefix(count).array()
                takeFrames(tell)
            case .blocked:
                if hasUnsent { _ = send() }
                return
            case .ended, .failed:
                isOpen = false
                tell(.closed)
            }
        }
    }

    /// Reads what is there and forgets it. False where the connection has ended.
    func discard() -> Bool {
        while true {
            switch unsafe tls.receive(into: region.view.region) {
            case .moved: continue
            case .blocked: return true
            case .ended, .failed: return false
            }
        }
    }

    private func takeFrames(_ tell: (Event) -> Void) {
        var rest = received[...]
        while let (frame, length) = Frame.first(in: rest) {
            take(frame, tell)
            if frame.kind == .data, window < Self.anyWindow, length > Frame.headLength {
                let count = UInt32(length - Frame.headLength)
                unsent += Frame.windowUpdate(stream: 0, by: count)
                if frame.flags & Frame.endStream == 0 {
                    unsent += Frame.windowUpdate(stream: frame.stream, by: count)
                }
            }
            rest = rest.dropFirst(length)
        }
        received.removeFirst(received.count - rest.count)
    }

    private func take(_ frame: Frame, _ tell: (Event) -> Void) {
        switch frame.kind {
        case .headers:
            tell(.head(frame.stream, isGood: Frame.saysGood(frame.payload)))
        case .data:
            if !frame.payload.isEmpty { tell(.data(frame.stream, frame.payload)) }
        case .reset:
            return tell(.reset(frame.stream))
        case .goAway:
            tell(.goAway)
        case .settings:
            if frame.flags & Frame.acknowledges == 0 {
                say(Frame.bytes(.settings, flags: Frame.acknowledges))
            }
            return
        case .ping:
            if frame.flags & Frame.acknowledges == 0 {
                say(Frame.bytes(.ping, flags: Frame.acknowledges, Array(frame.payload)))
            }
            return
        case .priority, .pushPromise, .windowUpdate, .continuation, nil:
            return
        }
        if frame.kind == .data || frame.kind == .headers, frame.flags & Frame.endStream != 0 {
            tell(.ended(frame.stream))
        }
    }
}
