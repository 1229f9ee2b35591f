import Foundation

/// A server that speaks no Redis, or none for long: says one text to everybody and listens to nobody.
package final class ForeignServer: @unchecked Sendable {
    // Unchecked: what changes is behind `lock`.
    package let port: UInt16
    private let descriptor: Int32
    private let lock = NSLock()
    private var accepted = 0

    /// - Parameters:
    ///   - text: Said to each connection behind the first bytes that it sends; nil is nothing.
    ///   - closes: Whether the connection ends behind that.
    package init(says text: String?, closes: Bool) throws {
        (descriptor, port) = try TestPort.listen()
        Thread.detachNewThread { [descriptor] in
            while true {
                let connection = accept(descriptor, nil, nil)
                guard connection >= 0 else { return }
                self.lock.withLock { self.accepted += 1 }
                Thread.detachNewThread { Self.serve(connection, text, closes) }
            }
        }
    }

    package var connections: Int { lock.withLock { accepted } }

    package func stop() {
        shutdown(descriptor, Int32(SHUT_RDWR))
        close(descriptor)
    }

    private static func serve(_ connection: Int32, _ text: String?, _ closes: Bool) {
        var block = [UInt8](repeating: 0, count: 4096)
        guard recv(connection, &block, block.count, 0) > 0 else {
            close(connection)
            return
        }
        if let text { _ = send(connection, text, text.utf8.count, Int32(MSG_NOSIGNAL)) }
        if !closes { while recv(connection, &block, block.count, 0) > 0 {} }
        close(connection)
    }
}
