import Bytes
import Certificates
import Foundation
import Testing

@testable import TLS

/// A client and a server that speak TLS with each other, without a network: what one writes is shown to the
/// other, cut as the test likes.
final class Pair {
    let wire = Wire(longestMessage: 65536)
    let client: TLSSession
    let server: TLSSession
    // The sessions' callbacks point to it.
    private let context: ServerContext
    private let room = Scratch(size: 65536 + Wire.slack)
    private let input = Scratch(size: 256 << 10)
    /// On their way.
    var toServer: [UInt8] = []
    var toClient: [UInt8] = []
    /// What came through.
    var atServer: [UInt8] = []
    var atClient: [UInt8] = []
    var serverEnd = TLSSession.End.none
    var clientEnd = TLSSession.End.none

    init(_ server: ServerContext, _ client: ClientContext, name: String) {
        context = server
        self.server = server.makeSession(wire)
        self.client = client.makeSession(name: name, isAddress: false, wire)
        clientEnd = self.client.begin(wire)
        toServer += take()
    }

    deinit {
        client.free()
        server.free()
    }

    /// What the last call has written.
    private func take() -> [UInt8] {
        defer { wire.clearOutput() }
        return wire.output.array()
    }

    /// Shows the server up to so many bytes of what is on its way. False where there is nothing.
    func stepServer(_ count: Int) -> Bool {
        guard serverEnd == .none, !toServer.isEmpty else { return false }
        let bytes = show(&toServer, count)
        let reading = server.read(bytes, into: room.view, wire)
        atServer += room.view.view.prefix(reading.count).array()
        serverEnd = reading.end
        toClient += take()
        return true
    }

    func stepClient(_ count: Int) -> Bool {
        guard clientEnd == .none, !toClient.isEmpty else { return false }
        let bytes = show(&toClient, count)
        let reading = client.read(bytes, into: room.view, wire)
        atClient += room.view.view.prefix(reading.count).array()
        clientEnd = reading.end
        toServer += take()
        return true
    }

    private func show(_ queue: inout [UInt8], _ count: Int) -> ByteView {
        let piece = Array(queue.prefix(min(count, 65536)))
        queue.removeFirst(piece.count)
        input.view.write(piece)
        return input.view.view.prefix(piece.count)
    }

    /// Until nothing is on its way, in pieces of `size()` bytes.
    func settle(_ size: () -> Int = { 65536 }) {
        while stepServer(size()) || stepClient(size()) {}
    }

    func write(_ bytes: [UInt8], to side: TLSSession) -> Bool {
        let isSent = bytes.withView { side.write($0, wire) }
        if side.session == client.session { toServer += take() } else { toClient += take() }
        return isSent
    }

    func close(_ side: TLSSession) {
        side.close(wire)
        if side.session == client.session { toServer += take() } else { toClient += take() }
    }
}

extension MutableByteView {
    fileprivate func write(_ bytes: [UInt8]) { bytes.withView { write($0, at: 0) } }
}

/// Certificates for both sides.
struct Papers {
    let authority: DevelopmentAuthority

    init() throws {
        // Clients look at the clock of this machine: the certificates must be good now.
        authority = try DevelopmentAuthority.make(now: Papers.time, serial: Papers.serial())
    }

    static var time: Int64 { Int64(Date().timeIntervalSince1970) }

    static func serial() -> [UInt8] { (0..<16).map { _ in UInt8.random(in: 0...255) } }

    func certificate(_ names: String...) throws -> ServerMaterial.Certificate {
        let leaf = try authority.leaf(
            names: names.map { try AlternativeName(wanted: $0) }, now: Papers.time, serial: Papers.serial())
        return ServerMaterial.Certificate(
            chain: Array(leaf.certificatePEM.utf8), key: Array(leaf.keyPEM.utf8), names: names)
    }

    func server(_ change: (inout ServerMaterial) -> Void = { _ in }) throws -> ServerContext {
        var material = ServerMaterial()
        material.certificates = [try certificate("localhost")]
        change(&material)
        return try ServerContext(material, ticketKeys: TicketKeys())
    }

    func client(_ change: (inout ClientMaterial) -> Void = { _ in }) throws -> ClientContext {
        var material = ClientMaterial()
        material.authorities = Array(authority.certificatePEM.utf8)
        material.applications = [.http2, .http1]
        change(&material)
        return try ClientContext(material)
    }
}
