import Foundation
import Testing

/// Frames that cost a server more than their sender, without end. Each must end its connection within a
/// number of frames, whatever the server does meanwhile.
struct HTTP2Flood: CustomTestStringConvertible, Sendable {
    let name: String
    /// Frames within which the connection must have ended.
    let limit: Int
    /// How many stand in one round.
    var batch = 100
    /// What comes once before the flood.
    var opening: [HTTP2Frame] = []
    /// The client never reads, so that what is answered piles up.
    var isDeaf = false
    /// The flood need not end the connection; it must only be borne. For what costs nothing.
    var isHarmless = false
    /// The client must be told by GOAWAY.
    var isTold = false
    /// The codes of GOAWAY that may be told.
    var codes: Set<UInt32> = [HTTP2Code.calm]
    /// Frame number `index` of the flood.
    let frame: @Sendable (Int) -> [HTTP2Frame]

    var testDescription: String { "\(name), within \(limit) frames" }

    /// The stream that the client opens with a frame of this number.
    static func stream(_ index: Int, from first: UInt32 = 1) -> UInt32 { first + UInt32(index) * 2 }

    static func get(_ stream: UInt32, _ flags: HTTP2Frame.Flags = .whole) -> HTTP2Frame {
        .headers(stream, HTTP2Case.getBlock, flags)
    }

    /// A whole request to what is never answered.
    static func held(_ stream: UInt32, _ flags: HTTP2Frame.Flags = .whole) -> HTTP2Frame {
        .headers(stream, .fields(HTTP2Case.get("/held")), flags)
    }
}

extension HTTP2Flood {
    /// Sends until the connection ends, or the limit is reached.
    ///
    /// - Parameter between: called between the rounds, now and then.
    /// - Returns: frames that were sent, or nil where the connection did not end.
    func run(_ client: HTTP2Client, between: () throws -> Void) throws -> Int? {
        try client.send(opening)
        var sent = 0
        var index = 0
        var rounds = 0
        while sent < limit {
            var frames: [HTTP2Frame] = []
            while frames.count < batch, sent + frames.count < limit {
                frames += frame(index)
                index += 1
            }
            switch Self.send(frames, client) {
            case .taken: break
            case .ended: return sent
            // What is not read costs nothing: the client waits, not the server.
            case .ignored: return isDeaf ? sent : nil
            }
            sent += frames.count
            if !isDeaf { client.takeWhatCame() }
            if client.isClosed { break }
            rounds += 1
            if rounds % 8 == 1 { try between() }
        }
        // The last round may still be on its way through the server.
        try? client.waitForEnd(within: .seconds(isHarmless ? 0 : 3))
        return client.isClosed ? sent : nil
    }

    private enum Reception {
        case taken, ended, ignored
    }

    private static func send(_ frames: [HTTP2Frame], _ client: HTTP2Client) -> Reception {
        do throws(SocketError) {
            try client.send(frames)
            return .taken
        } catch {
            switch error {
            case .timedOut: return .ignored
            case .reset, .failed, .cannotOpen, .cannotConnect, .tls: return .ended
            }
        }
    }
}
