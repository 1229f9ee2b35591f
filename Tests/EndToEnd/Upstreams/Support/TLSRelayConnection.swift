import COpenSSL
import Foundation

/// One connection of a relay, on its own thread: bytes both ways, and each side's end on the other.
struct TLSRelayConnection {
    private let relay: TLSRelay
    private let session: OpaquePointer
    private let encrypted: Int32
    private let plain: Int32
    private let ending: TLSRelay.Ending
    private var toPlain: ArraySlice<UInt8> = []
    private var toEncrypted: ArraySlice<UInt8> = []
    private var encryptedHasEnded = false
    private var plainHasEnded = false
    private var plainIsTold = false
    private var encryptedIsTold = false
    private var isAgreed = false
    private var block = [UInt8](repeating: 0, count: 64 * 1024)

    private struct Over: Error {}

    init(
        _ relay: TLSRelay, _ session: OpaquePointer, encrypted: Int32, plain: Int32, _ ending: TLSRelay.Ending
    ) {
        self.relay = relay
        self.session = session
        self.encrypted = encrypted
        self.plain = plain
        self.ending = ending
    }

    mutating func run() {
        do {
            while !(plainIsTold && encryptedIsTold) {
                var hasMoved = try readEncrypted()
                if try writePlain() { hasMoved = true }
                if try readPlain() { hasMoved = true }
                if try writeEncrypted() { hasMoved = true }
                noteProgress()
                if !hasMoved { wait() }
            }
        } catch {
            guard isAgreed else { return leave() }
            // Broken on one side: the other one learns it.
            for descriptor in [encrypted, plain] {
                var option = linger(l_onoff: 1, l_linger: 0)
                let size = socklen_t(MemoryLayout<linger>.size)
                setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &option, size)
            }
        }
    }

    /// Behind a handshake that has failed: what the peer still sends is read away, so that no reset destroys
    /// what it was told.
    private mutating func leave() {
        shutdown(encrypted, Int32(SHUT_WR))
        let deadline = Deadline(in: .seconds(5))
        while !deadline.isOver {
            let count = recv(encrypted, &block, block.count, 0)
            if count > 0 || (count < 0 && errno == EINTR) { continue }
            guard count < 0, errno == EAGAIN else { return }
            var entry = pollfd(fd: encrypted, events: Int16(POLLIN), revents: 0)
            poll(&entry, 1, deadline.milliseconds)
        }
    }

    private mutating func noteProgress() {
        if !isAgreed, SSL_is_init_finished(session) == 1 {
            isAgreed = true
            relay.noteAgreement(session)
        }
        guard isAgreed, relay.takeTicket() else { return }
        SSL_new_session_ticket(session)
        SSL_do_handshake(session)
    }

    private func wait() {
        var entries = [
            pollfd(fd: encrypted, events: 0, revents: 0), pollfd(fd: plain, events: 0, revents: 0),
        ]
        if toPlain.isEmpty, !encryptedHasEnded { entries[0].events |= Int16(POLLIN) }
        if !toEncrypted.isEmpty { entries[0].events |= Int16(POLLOUT) }
        if toEncrypted.isEmpty, !plainHasEnded, isAgreed { entries[1].events |= Int16(POLLIN) }
        if !toPlain.isEmpty { entries[1].events |= Int16(POLLOUT) }
        // Who has nothing to say is left out: his end would be told again and again.
        for index in entries.indices where entries[index].events == 0 { entries[index].fd = -1 }
        // Not for ever: a ticket may be asked for meanwhile.
        poll(&entries, 2, 5)
    }

    // MARK: The encrypted side

    private mutating func readEncrypted() throws(Over) -> Bool {
        guard toPlain.isEmpty, !encryptedHasEnded else { return false }
        ERR_clear_error()
        let count = Int(SSL_read(session, &block, Int32(block.count)))
        if count > 0 {
            toPlain = block[..<count]
            return true
        }
        switch SSL_get_error(session, Int32(count)) {
        case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: return false
        case SSL_ERROR_ZERO_RETURN:
            relay.noteClosed()
            encryptedHasEnded = true
            return true
        default: return try encryptedBroke()
        }
    }

    private mutating func encryptedBroke() throws(Over) -> Bool {
        let code = ERR_peek_last_error()
        let words = ERR_reason_error_string(code).map { String(cString: $0) } ?? "closed"
        guard isAgreed else {
            relay.noteFailure(words)
            throw Over()
        }
        // An end without close_notify; everything else is a reset.
        guard words.contains("unexpected eof") else {
            if code != 0 { relay.noteFailure(words) }
            throw Over()
        }
        encryptedHasEnded = true
        return true
    }

    private mutating func writeEncrypted() throws(Over) -> Bool {
        if !toEncrypted.isEmpty {
            ERR_clear_error()
            let bytes = Array(toEncrypted)
            let count = Int(SSL_write(session, bytes, Int32(bytes.count)))
            if count > 0 {
                toEncrypted = toEncrypted.dropFirst(count)
                return true
            }
            switch SSL_get_error(session, Int32(count)) {
            case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: return false
            default: throw Over()
            }
        }
        guard plainHasEnded, !encryptedIsTold else { return false }
        encryptedIsTold = true
        if case .inOrder = ending, isAgreed { SSL_shutdown(session) }
        shutdown(encrypted, Int32(SHUT_WR))
        return true
    }

    // MARK: The plain side

    private mutating func readPlain() throws(Over) -> Bool {
        guard toEncrypted.isEmpty, !plainHasEnded, isAgreed else { return false }
        let count = recv(plain, &block, block.count, 0)
        if count > 0 {
            toEncrypted = block[..<count]
        } else if count == 0 {
            plainHasEnded = true
        } else {
            guard errno == EAGAIN || errno == EINTR else { throw Over() }
            return false
        }
        return true
    }

    private mutating func writePlain() throws(Over) -> Bool {
        if !toPlain.isEmpty {
            let count = toPlain.withUnsafeBytes {
                Glibc.send(plain, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if count > 0 {
                toPlain = toPlain.dropFirst(count)
                return true
            }
            guard errno == EAGAIN || errno == EINTR else { throw Over() }
            return false
        }
        guard encryptedHasEnded, !plainIsTold else { return false }
        plainIsTold = true
        shutdown(plain, Int32(SHUT_WR))
        return true
    }
}
