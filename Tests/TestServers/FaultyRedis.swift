import Foundation

/// A Redis that does wrong as soon as it is told to; until then everything goes to a real one and back.
package final class FaultyRedis: @unchecked Sendable {
    // Unchecked: what changes is behind `lock`.
    package enum Fault: Sendable, CustomStringConvertible {
        /// Commands get through so much later.
        case late(milliseconds: Int32)
        /// Each command is answered with this, which is an error or no reply at all.
        case says(String)
        /// Half of what comes back is passed on, and then the connection ends.
        case cut
        /// Nothing comes back.
        case silent

        package var description: String {
            switch self {
            case .late(let milliseconds): "answers \(milliseconds) ms late"
            case .says(let text): "says \(text.debugDescription)"
            case .cut: "closes inside a reply"
            case .silent: "never answers"
            }
        }
    }

    package let port: UInt16
    private let server: RedisServer
    private let descriptor: Int32
    private let lock = NSLock()
    private var fault: Fault?
    private var met = 0

    package init(before server: RedisServer) throws {
        self.server = server
        (descriptor, port) = try TestPort.listen()
        let target = server.port
        Thread.detachNewThread { [descriptor] in
            while true {
                let client = accept(descriptor, nil, nil)
                guard client >= 0 else { return }
                guard let real = try? TestPort.connect(port: target) else {
                    close(client)
                    continue
                }
                self.carry(between: client, and: real)
            }
        }
    }

    package var address: String { "redis://127.0.0.1:\(port)" }

    package func begin(_ fault: Fault) { lock.withLock { self.fault = fault } }

    package func end() { lock.withLock { fault = nil } }

    /// How often a fault has met somebody.
    package var faults: Int { lock.withLock { met } }

    /// To be called when nothing needs it any more: whoever accepts keeps it alive.
    package func stop() {
        shutdown(descriptor, Int32(SHUT_RDWR))
        close(descriptor)
    }

    private var now: Fault? {
        lock.withLock {
            if fault != nil { met += 1 }
            return fault
        }
    }

    /// Both directions, each on a thread of its own; the second that ends closes.
    private func carry(between client: Int32, and real: Int32) {
        let ends = Ends(client, real)
        Thread.detachNewThread {
            Self.copy(from: client, ends) { block in
                switch self.now {
                case .late(let milliseconds):
                    poll(nil, 0, milliseconds)
                    return Self.send(block, to: real)
                case .says(let text):
                    let answers = String(repeating: text, count: max(1, Self.commands(in: block)))
                    return Self.send(Array(answers.utf8)[...], to: client)
                case .cut, .silent, nil: return Self.send(block, to: real)
                }
            }
        }
        Thread.detachNewThread {
            Self.copy(from: real, ends) { block in
                switch self.now {
                case .cut:
                    _ = Self.send(block.prefix(block.count / 2), to: client)
                    return false
                case .silent: return true
                case .late, .says, nil: return Self.send(block, to: client)
                }
            }
        }
    }

    /// Commands that begin in what the gateway sent: arrays, each at the start of a line.
    private static func commands(in block: ArraySlice<UInt8>) -> Int {
        var count = 0
        var previous = UInt8(ascii: "\n")
        for byte in block {
            if byte == UInt8(ascii: "*"), previous == UInt8(ascii: "\n") { count += 1 }
            previous = byte
        }
        return count
    }

    private static func copy(from source: Int32, _ ends: Ends, _ take: (ArraySlice<UInt8>) -> Bool) {
        var block = [UInt8](repeating: 0, count: 64 * 1024)
        while true {
            let count = recv(source, &block, block.count, 0)
            guard count > 0, take(block[..<count]) else { break }
        }
        ends.leave()
    }

    private static func send(_ bytes: ArraySlice<UInt8>, to target: Int32) -> Bool {
        var rest = bytes
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes {
                Glibc.send(target, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }

    /// Two connected sockets, closed when both directions have ended.
    private final class Ends: @unchecked Sendable {
        // Unchecked: what changes is behind `lock`.
        private let lock = NSLock()
        private let sockets: [Int32]
        private var left = 2

        init(_ sockets: Int32...) { self.sockets = sockets }

        func leave() {
            lock.withLock {
                for socket in sockets { shutdown(socket, Int32(SHUT_RDWR)) }
                left -= 1
                guard left == 0 else { return }
                for socket in sockets { close(socket) }
            }
        }
    }
}
