import Addressing
import Bytes
import Reactor
import Redis
import TLS
import Time

/// A connection to Redis for a thread of the control plane: each call waits, but never beyond its deadline.
/// Whatever goes wrong ends the connection, and the next `connect` makes a new one.
package struct RedisClient: ~Copyable {
    private let target: RedisTarget
    private let context: ClientContext?
    private let wire: Wire
    private var socket: Socket?
    private var tls: TLSSession?
    private var reader: ReplyReader
    private let limits: ReplyLimits
    /// What came, encrypted and in plain.
    private let incoming = Scratch(size: readSize)
    private let plain = Scratch(size: readSize + Wire.slack)
    private var outgoing = Scratch(size: 4096)
    private var outgoingSize = 4096

    private static let readSize = 16_384
    /// Bytes of commands that are sent at once.
    private static let longestMessage = 4 << 20

    package init(_ target: RedisTarget, limits: ReplyLimits = ReplyLimits(bytes: 16 << 20, values: 1 << 20)) {
        self.target = target
        self.limits = limits
        context = target.material.flatMap { try? ClientContext($0) }
        wire = Wire(longestMessage: Self.longestMessage)
        reader = ReplyReader(limits)
    }

    deinit {
        tls?.free()
        socket?.close()
    }

    package var isConnected: Bool { socket != nil }

    /// Readable when the server has said something; -1 without a connection.
    package var descriptor: Int32 { socket?.descriptor ?? -1 }

    package mutating func close() {
        tls?.free()
        tls = nil
        socket?.close()
        socket = nil
    }

    // MARK: Connecting

    /// Connects and says who asks. A name is looked up first, which may take as long as the system lets it.
    package mutating func connect(by deadline: Instant) throws(Loss) {
        close()
        var loss = Loss.unresolved
        for address in try addresses() {
            do throws(Loss) {
                try open(address, by: deadline)
                return try greet(by: deadline)
            } catch {
                close()
                loss = error
            }
        }
        throw loss
    }

    private func addresses() throws(Loss) -> [SocketAddress] {
        if let fixed = target.fixedAddress { return [fixed] }
        guard let name = target.name, let found = try? NameLookup.addresses(of: name) else {
            throw .unresolved
        }
        return found.map { .ip($0, port: target.port) }
    }

    private mutating func open(_ address: SocketAddress, by deadline: Instant) throws(Loss) {
        let opened: Socket
        do throws(SystemError) {
            opened = try Socket.connect(to: address)
        } catch {
            throw .connectFailed(error.description)
        }
        socket = opened
        try waitUntilReady(forWriting: true, by: deadline)
        if let code = opened.pendingError() {
            throw .connectFailed(SystemError("connect", code: code).description)
        }
        reader = ReplyReader(limits)
        if target.material != nil { try shakeHands(by: deadline) }
    }

    private mutating func shakeHands(by deadline: Instant) throws(Loss) {
        guard let context else { throw .encryption("TLS cannot be set up") }
        let name = target.serverName
        let tls = context.makeSession(name: name.text, isAddress: name.isAddress, wire)
        self.tls = tls
        if case .failed(let failure) = tls.begin(wire) { throw .encryption(failure.description) }
        try sendWire(by: deadline)
        while !tls.isEstablished {
            guard try receiveBytes(by: deadline) else { throw .connectTimeout }
        }
    }

    private mutating func greet(by deadline: Instant) throws(Loss) {
        let settings = SessionSettings(target.address)
        for step in settings.greeting {
            try send(by: deadline) { settings.write(step, into: &$0) }
            guard let reply = try receive(by: deadline) else { throw .connectTimeout }
            if let loss = settings.refusal(of: step, reply) { throw loss }
        }
    }

    // MARK: Asking

    /// Sends what `write` writes: one command or several. `write` may be called again.
    package mutating func send(
        by deadline: Instant, _ write: (inout CommandWriter) -> Void
    ) throws(Loss) {
        guard socket != nil else { throw .broken }
        while true {
            var writer = CommandWriter(outgoing.view)
            write(&writer)
            guard writer.overflowed else {
                try send(writer.view, by: deadline)
                return
            }
            guard outgoingSize < Self.longestMessage else { throw .notRedis("a command is too long") }
            outgoingSize *= 2
            outgoing = Scratch(size: outgoingSize)
        }
    }

    /// The next reply; nil where none has come by the deadline, which leaves the connection as it is. Valid
    /// until the next call.
    package mutating func receive(by deadline: Instant) throws(Loss) -> Reply? {
        while true {
            do throws(ReplyError) {
                if let reply = try reader.next() { return reply }
            } catch {
                close()
                throw .notRedis(error.words)
            }
            guard try receiveBytes(by: deadline) else { return nil }
        }
    }

    /// Asks one command, and waits for its reply. Without one by the deadline, the connection ends: what
    /// would come on it next is nobody's.
    package mutating func ask(
        by deadline: Instant, _ write: (inout CommandWriter) -> Void
    ) throws(Loss) -> Reply {
        try send(by: deadline, write)
        guard let reply = try receive(by: deadline) else {
            close()
            throw .hung
        }
        return reply
    }

    /// Runs a script, which the server is given where it does not know it.
    package mutating func run(
        _ script: Script, by deadline: Instant, _ write: (inout CommandWriter) -> Void
    ) throws(Loss) -> Reply {
        let reply = try ask(by: deadline, write)
        guard reply.isError("NOSCRIPT") else { return reply }
        try load(script, by: deadline)
        return try ask(by: deadline, write)
    }

    package mutating func load(_ script: Script, by deadline: Instant) throws(Loss) {
        _ = try ask(by: deadline) { writer in
            writer.begin(3)
            writer.word("SCRIPT")
            writer.word("LOAD")
            writer.word(script.source)
        }
    }

    // MARK: Bytes

    private mutating func send(_ bytes: ByteView, by deadline: Instant) throws(Loss) {
        guard let tls else { return try sendPlain(bytes, by: deadline) }
        guard tls.write(bytes, wire) else { throw end(.broken) }
        try sendWire(by: deadline)
    }

    private mutating func sendWire(by deadline: Instant) throws(Loss) {
        defer { wire.clearOutput() }
        try sendPlain(wire.output, by: deadline)
    }

    private mutating func sendPlain(_ bytes: ByteView, by deadline: Instant) throws(Loss) {
        guard let socket else { throw .broken }
        var rest = bytes
        while !rest.isEmpty {
            switch socket.send(rest) {
            case .moved(let count): rest = rest.dropFirst(count)
            case .blocked:
                do throws(Loss) {
                    try waitUntilReady(forWriting: true, by: deadline)
                } catch {
                    throw end(error == .connectTimeout ? .hung : error)
                }
            case .ended, .failed: throw end(.broken)
            }
        }
    }

    /// Takes in what has come, waiting for it. False where nothing has by the deadline.
    private mutating func receiveBytes(by deadline: Instant) throws(Loss) -> Bool {
        guard let socket else { throw .broken }
        while true {
            switch socket.receive(into: incoming.view) {
            case .moved(let count):
                try take(incoming.view.view.prefix(count), by: deadline)
                return true
            case .blocked:
                let left = deadline - SystemClock.now()
                guard left > 0 else { return false }
                let milliseconds = Int32(clamping: (left + 999_999) / 1_000_000)
                _ = DescriptorWait.wait(socket.descriptor, milliseconds: milliseconds)
            case .ended: throw end(.closedByServer)
            case .failed: throw end(.broken)
            }
        }
    }

    private mutating func take(_ bytes: ByteView, by deadline: Instant) throws(Loss) {
        var payload = bytes
        if let tls {
            let reading = tls.read(bytes, into: plain.view, wire)
            try sendWire(by: deadline)
            switch reading.end {
            case .none: break
            case .closed: throw end(.closedByServer)
            case .failed(let failure): throw end(.encryption(failure.description))
            }
            payload = plain.view.view.prefix(reading.count)
        }
        do throws(ReplyError) {
            try reader.feed(payload)
        } catch {
            throw end(.notRedis(error.words))
        }
    }

    private func waitUntilReady(forWriting: Bool, by deadline: Instant) throws(Loss) {
        let left = deadline - SystemClock.now()
        let milliseconds = Int32(clamping: max(0, (left + 999_999) / 1_000_000))
        guard DescriptorWait.wait(descriptor, forWriting: forWriting, milliseconds: milliseconds) else {
            throw .connectTimeout
        }
    }

    private mutating func end(_ loss: Loss) -> Loss {
        close()
        return loss
    }
}
