import Bytes
import Pipeline
import Slots
import Telemetry
import Time
import WebSocket

/// What the gateway knows of a WebSocket that passes through it: where frames begin and end, so that it can
/// say its own word between them, and how large messages are. An object, for it is large and few exchanges
/// have one.
final class TunnelWatch {
    var fromClient: FrameTracker
    var fromServer: FrameTracker
    /// What both sides are told as soon as no frame is cut by it.
    var farewell: CloseCode?
    /// The frame that broke a rule had begun to pass before it was known for what it is: no word of ours can
    /// follow.
    var hasPassedBroken = false
    /// Both sides were told; what they still say is dropped until this.
    var endsBy: Instant?

    /// - Parameter largestMessage: Bytes; 0 for no limit.
    init(largestMessage: Int) {
        let limit = UInt64(largestMessage)
        let limits: FrameTracker.Limits =
            largestMessage == 0 ? .none : FrameTracker.Limits(frame: limit, message: limit)
        // Whether the two have agreed on compression does not matter here: its bit is let pass.
        fromClient = FrameTracker(direction: .fromClient, limits: limits, compression: .perMessageDeflate)
        fromServer = FrameTracker(direction: .fromServer, limits: limits, compression: .perMessageDeflate)
    }

    var isOver: Bool { endsBy != nil }
}

extension ProxyCore where Net: ~Copyable {
    /// How long the two sides have to close after they were told.
    private static var farewellTime: Duration { .seconds(2) }

    /// Bytes of one direction are about to pass. Returns those of them that may.
    mutating func watchTunnel(_ id: SlotID, _ bytes: ByteView, isFromClient: Bool) -> ByteView {
        guard let watch = exchanges[id].watch else { return bytes }
        guard !watch.isOver else { return .empty }
        let passage = isFromClient ? watch.fromClient.pass(bytes) : watch.fromServer.pass(bytes)
        guard case .broken(let violation, let place) = passage else { return bytes }
        guard violation.code == .messageTooBig else {
            // It is their protocol: whoever bends it is not watched, and hears no farewell.
            exchanges[id].watch = nil
            return bytes
        }
        watch.farewell = .messageTooBig
        watch.hasPassedBroken = place < 0
        return bytes.prefix(max(0, place))
    }

    /// Asks for an end of all tunnels and event streams that a new connection to another gateway can go on
    /// with.
    mutating func endLongAnswers() {
        for id in exchanges.identities where exchanges.contains(id) {
            if exchanges[id].phase == .tunnel {
                exchanges[id].watch?.farewell = .goingAway
                closeTunnelIfPossible(id)
            } else if exchanges[id].phase == .body {
                endEventStreamIfPossible(id)
            }
        }
    }

    /// Says goodbye where it is due and no frame would be cut by it: to both sides, each in its own words.
    /// Then waits a little for them to close.
    mutating func closeTunnelIfPossible(_ id: SlotID) {
        guard exchanges.contains(id), let watch = exchanges[id].watch, let code = watch.farewell,
            !watch.isOver,
            watch.fromClient.mayHearFarewell, watch.fromServer.mayHearFarewell
        else { return }
        watch.endsBy = now + Self.farewellTime
        let isClients = watch.fromClient.violation != nil
        if watch.fromServer.close == .none, isClients || !watch.hasPassedBroken {
            var words = ByteWriter(heads.view)
            CloseFrame.write(code: code, masked: nil, to: &words)
            guard send(words.view, toClientOf: id) else { return }
        }
        if let connection = exchanges[id].connection, watch.fromClient.close == .none,
            !isClients || !watch.hasPassedBroken
        {
            var words = ByteWriter(heads.view)
            let key = MaskingKey(bits: UInt32(truncatingIfNeeded: random.next()))
            CloseFrame.write(code: code, masked: key, to: &words)
            guard send(words.view, on: connection), exchanges.contains(id) else { return }
        }
        moveClientDeadline(exchanges[id].client)
    }

    // MARK: Event streams

    /// Ends an endless answer between two events, as its backend would: browsers come back by themselves.
    mutating func endEventStreamIfPossible(_ id: SlotID) {
        guard drain == .closing, let events = exchanges[id].events, events.isBetween,
            exchanges[id].outcome == nil,
            exchanges[id].status != 0
        else { return }
        // An answer that has promised its length cannot end early.
        let client = exchanges[id].client
        let isStream = clients[client].seat != nil
        guard isStream || exchanges[id].responseCoding != .asIs else { return }
        releaseUpstream(of: id)
        exchanges[id].phase = .done
        exchanges[id].outcome = .ok
        if isStream {
            endStreamBody(of: id, trailers: [])
        } else if exchanges[id].responseCoding == .chunked {
            guard send(ByteView("0\r\n\r\n"), toClientOf: id) else { return }
        }
        if clients[client].unsent.isEmpty { complete(id) }
    }
}

/// Where in an event stream the last byte stood (HTML, "Server-sent events": events end with an empty line).
struct EventBoundary: Equatable {
    private var lineEnds = 2

    var isBetween: Bool { lineEnds >= 2 }

    /// These bytes have passed.
    mutating func pass(_ bytes: ByteView) {
        var index = bytes.count
        var found = 0
        while index > 0, found < 2 {
            index -= 1
            switch bytes[index] {
            case 0x0A: found += 1
            case 0x0D: continue
            default:
                lineEnds = found
                return
            }
        }
        lineEnds = min(2, index == 0 ? lineEnds + found : found)
    }
}

extension FrameTracker {
    /// Between two frames, or in the place of one that broke a rule.
    fileprivate var mayHearFarewell: Bool { isAtBoundary || violation != nil }
}
