import Bytes
import Reactor
import Slots
import TLS

/// One stream of an HTTP/2 connection: which connection, which stream, and where the port keeps account of
/// what is to be sent on it.
struct StreamSeat: Equatable {
    let session: SlotID
    /// 0 while a request waits for its connection.
    var stream: Int32
    let outgoing: Int32
}

/// What an exchange's bytes travel on, on either side: a socket, with or without TLS, or one stream of a
/// connection that many share. Decrypts and encrypts on the way; who uses it sees payload alone.
struct Transport: ~Copyable {
    enum Carrier {
        case socket(Socket)
        case stream(StreamSeat)
        /// Takes whatever is sent: nobody reads it.
        case nobody
    }

    /// What became of bytes that were to be sent.
    enum Sending {
        /// The kernel has them all.
        case taken
        /// Some wait in `unsent`.
        case kept
        case failed
    }

    private(set) var carrier: Carrier
    var tls: TLSSession?

    /// What edges have said: reading, or writing, may work.
    var isReadable: Bool
    var isWritable: Bool
    /// The peer has ended its side, or the connection is broken.
    var peerHasEnded = false
    /// The peer has said through TLS that nothing more comes.
    private var isClosedByTLS = false
    /// The connection has ended without that: whoever is between may have cut it.
    private(set) var wasCut = false
    /// Encrypted bytes that came without payload, less what payload has made up for.
    private var idleBytes = 0
    /// Why TLS ended, where it failed.
    private(set) var lastFailure: TLSFailure?

    /// Written and not taken yet: by the socket, encrypted where the transport is; by the stream, in plain.
    var unsent = ByteQueue()
    /// Encrypted bytes that came before the session was there to read them.
    var early = ByteQueue()

    init(_ carrier: Carrier, tls: TLSSession? = nil, isReady: Bool) {
        self.carrier = carrier
        self.tls = tls
        isReadable = isReady
        isWritable = isReady
    }

    var socket: Socket? {
        if case .socket(let socket) = carrier { socket } else { nil }
    }

    var seat: StreamSeat? {
        if case .stream(let seat) = carrier { seat } else { nil }
    }

    mutating func sit(on stream: Int32) {
        guard case .stream(var seat) = carrier else { preconditionFailure("only a seat has a stream") }
        seat.stream = stream
        carrier = .stream(seat)
    }

    /// Encrypted bytes that may come without payload: more than a handshake with long chains takes. Without a
    /// bound, a peer that renews its keys again and again would keep the worker for itself, and one that
    /// wants answers to that and reads none would fill the memory.
    private static let longestIdling = 64 << 10
    /// Encrypted bytes that one byte of payload makes up for: a record of its own, and padding.
    private static let idlingPerByte = 64

    /// Bytes that a region must have beyond what is to be read at once.
    @inline(__always)
    var slack: Int { tls == nil ? 0 : Wire.slack }

    /// Gives back what it holds, but for the socket.
    mutating func release(_ pool: inout BufferPool) {
        unsent.removeAll(pool: &pool)
        early.removeAll(pool: &pool)
        tls?.free()
        tls = nil
    }
}

/// What encryption needs of a worker: the wire that sessions write to, and room to read into.
struct Encryption: ~Copyable {
    let wire: Wire
    /// Encrypted bytes land here.
    let incoming: Scratch

    init(longestMessage: Int, longestRead: Int) {
        wire = Wire(longestMessage: longestMessage)
        incoming = Scratch(size: longestRead)
    }
}

// Sockets. A stream's bytes come and go through its session.
extension Transport {
    /// Reads what the socket has into `region`, `slack` bytes of which are room for what encryption holds
    /// back. Notes by itself what is known of the socket afterwards.
    @inline(__always)
    mutating func receive<Net: Network & ~Copyable>(
        into region: MutableByteView, _ network: inout Net, _ encryption: borrowing Encryption,
        _ pool: inout BufferPool
    ) -> Transfer {
        guard case .socket(let socket) = carrier else { return .blocked }
        guard tls == nil else { return receiveEncrypted(socket, into: region, &network, encryption, &pool) }
        let transfer = network.receive(socket, into: region)
        switch transfer {
        // A read that filled less than its room has emptied the socket: no second call has to find that out.
        case .moved(let count): if count < region.count, !peerHasEnded { isReadable = false }
        case .blocked: isReadable = false
        case .ended, .failed: break
        }
        return transfer
    }

    private mutating func receiveEncrypted<Net: Network & ~Copyable>(
        _ socket: Socket, into region: MutableByteView, _ network: inout Net,
        _ encryption: borrowing Encryption, _ pool: inout BufferPool
    ) -> Transfer {
        guard let tls else { return .blocked }
        if isClosedByTLS { return .ended }
        let limit = region.count - Wire.slack
        precondition(limit > 0, "there is room for what encryption holds back")
        while true {
            var input = encryption.incoming.view.slice(0, min(limit, encryption.incoming.view.count))
            if !early.isEmpty {
                let count = min(early.count, input.count)
                input.write(early.view.prefix(count), at: 0)
                early.consume(count, pool: &pool)
                input = input.slice(0, count)
            } else {
                switch network.receive(socket, into: input) {
                case .moved(let count):
                    if count < input.count, !peerHasEnded { isReadable = false }
                    input = input.slice(0, count)
                case .blocked:
                    isReadable = false
                    return .blocked
                case .ended:
                    wasCut = true
                    return .ended
                case .failed(let code): return .failed(code)
                }
            }
            let reading = tls.read(input.view, into: region, encryption.wire)
            let isBroken = sendOutput(socket, &network, encryption, &pool) == .failed
            switch reading.end {
            case .none: break
            case .closed:
                isClosedByTLS = true
                isReadable = true
            case .failed(let failure):
                lastFailure = failure
                return .failed(0)
            }
            if isBroken { return .failed(0) }
            idleBytes = max(0, idleBytes + input.count - reading.count * Self.idlingPerByte)
            guard idleBytes <= Self.longestIdling else {
                lastFailure = TLSFailure(.refused, "too many records without payload")
                return .failed(0)
            }
            if reading.count > 0 { return .moved(reading.count) }
            if isClosedByTLS { return .ended }
            if !isReadable, early.isEmpty { return .blocked }
        }
    }

    /// Sends bytes, and keeps what the socket does not take.
    @inline(__always)
    mutating func send<Net: Network & ~Copyable>(
        _ bytes: ByteView, _ network: inout Net, _ encryption: borrowing Encryption, _ pool: inout BufferPool
    ) -> Sending {
        guard case .socket(let socket) = carrier else {
            guard case .nobody = carrier else { preconditionFailure("a stream's session sends for it") }
            return .taken
        }
        guard let tls else { return sendPlain(bytes, socket, &network, &pool) }
        guard tls.write(bytes, encryption.wire) else {
            // What it may have written belongs to nobody any more.
            encryption.wire.clearOutput()
            return .failed
        }
        return sendOutput(socket, &network, encryption, &pool)
    }

    @inline(__always)
    private mutating func sendPlain<Net: Network & ~Copyable>(
        _ bytes: ByteView, _ socket: Socket, _ network: inout Net, _ pool: inout BufferPool
    ) -> Sending {
        guard unsent.isEmpty, isWritable else {
            unsent.append(bytes, pool: &pool)
            return .kept
        }
        switch network.send(socket, bytes) {
        case .moved(let count):
            guard count < bytes.count else { return .taken }
            isWritable = false
            unsent.append(bytes.dropFirst(count), pool: &pool)
            return .kept
        case .blocked, .ended:
            isWritable = false
            unsent.append(bytes, pool: &pool)
            return .kept
        case .failed: return .failed
        }
    }

    /// Sends what sessions have written, if anything.
    mutating func sendOutput<Net: Network & ~Copyable>(
        _ socket: Socket, _ network: inout Net, _ encryption: borrowing Encryption, _ pool: inout BufferPool
    ) -> Sending {
        let output = encryption.wire.output
        guard !output.isEmpty else { return unsent.isEmpty ? .taken : .kept }
        defer { encryption.wire.clearOutput() }
        return sendPlain(output, socket, &network, &pool)
    }

    /// The socket may take more. `taken` where it has taken all.
    mutating func flush<Net: Network & ~Copyable>(_ network: inout Net, _ pool: inout BufferPool) -> Sending {
        guard case .socket(let socket) = carrier, !unsent.isEmpty else { return .taken }
        switch network.send(socket, unsent.view) {
        case .moved(let count):
            if count < unsent.count { isWritable = false }
            unsent.consume(count, pool: &pool)
            return unsent.isEmpty ? .taken : .kept
        case .blocked, .ended:
            isWritable = false
            return .kept
        case .failed: return .failed
        }
    }

    /// Tells the peer that nothing more comes, where the transport has words for it.
    mutating func sayClosed<Net: Network & ~Copyable>(
        _ network: inout Net, _ encryption: borrowing Encryption, _ pool: inout BufferPool
    ) {
        guard case .socket(let socket) = carrier, let tls else { return }
        tls.close(encryption.wire)
        _ = sendOutput(socket, &network, encryption, &pool)
    }
}
