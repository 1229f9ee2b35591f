import CLinux
import Glibc

/// What a descriptor has become ready for.
package struct Readiness: OptionSet, Sendable {
    package let rawValue: UInt8

    @inlinable
    package init(rawValue: UInt8) { self.rawValue = rawValue }

    package static let readable = Readiness(rawValue: 1)
    package static let writable = Readiness(rawValue: 2)
    /// The peer has ended its side, or the connection is broken: reading will tell.
    package static let peerEnded = Readiness(rawValue: 4)
    /// The connection is broken in both directions.
    package static let broken = Readiness(rawValue: 8)
}

/// One epoll instance. Sockets are registered once, edge-triggered, for everything; listeners
/// level-triggered.
// SAFETY: `events` is memory of `capacity` events that this value alone owns.
@safe
package struct Epoll: ~Copyable {
    private let descriptor: Int32
    private let events: UnsafeMutablePointer<epoll_event>
    private static let capacity = 512

    package init() throws(SystemError) {
        descriptor = epoll_create1(Int32(EPOLL_CLOEXEC))
        guard descriptor >= 0 else { throw SystemError("epoll_create1", code: errno) }
        unsafe events = .allocate(capacity: Epoll.capacity)
    }

    deinit {
        close(descriptor)
        unsafe events.deallocate()
    }

    /// Watches a connection's socket for both directions until it is closed. `token` comes back with each
    /// event.
    package func add(_ socket: Socket, token: UInt64) throws(SystemError) {
        try control(socket.descriptor, Epoll.connectionInterest, token)
    }

    /// Gives a watched connection another token.
    package func change(_ socket: Socket, token: UInt64) {
        var event = unsafe epoll_event()
        unsafe event.events = Epoll.connectionInterest
        unsafe event.data.u64 = token
        _ = unsafe epoll_ctl(descriptor, EPOLL_CTL_MOD, socket.descriptor, &event)
    }

    private static let connectionInterest =
        EPOLLIN.rawValue | EPOLLOUT.rawValue | EPOLLRDHUP.rawValue | EPOLLET.rawValue

    /// Watches a listener, an eventfd or a signalfd for reading, level-triggered.
    package func addLevelTriggered(_ descriptor: Int32, token: UInt64) throws(SystemError) {
        try control(descriptor, EPOLLIN.rawValue, token)
    }

    package func remove(_ descriptor: Int32) {
        var event = unsafe epoll_event()
        _ = unsafe epoll_ctl(self.descriptor, EPOLL_CTL_DEL, descriptor, &event)
    }

    private func control(_ descriptor: Int32, _ interest: UInt32, _ token: UInt64) throws(SystemError) {
        var event = unsafe epoll_event()
        unsafe event.events = interest
        unsafe event.data.u64 = token
        guard unsafe epoll_ctl(self.descriptor, EPOLL_CTL_ADD, descriptor, &event) == 0 else {
            throw SystemError("epoll_ctl", code: errno)
        }
    }

    /// Waits up to `milliseconds` (-1: without end) and returns how many events there are.
    package func wait(milliseconds: Int32) -> Int {
        let count = unsafe epoll_wait(descriptor, events, Int32(Epoll.capacity), milliseconds)
        return max(0, Int(count))
    }

    /// The event `index` of the last wait.
    package func event(_ index: Int) -> (token: UInt64, readiness: Readiness) {
        precondition(index >= 0 && index < Epoll.capacity)
        let event = unsafe events[index]
        var readiness: Readiness = []
        if unsafe event.events & EPOLLIN.rawValue != 0 { readiness.insert(.readable) }
        if unsafe event.events & EPOLLOUT.rawValue != 0 { readiness.insert(.writable) }
        if unsafe event.events & (EPOLLRDHUP.rawValue | EPOLLHUP.rawValue | EPOLLERR.rawValue) != 0 {
            readiness.insert([.peerEnded, .readable])
        }
        if unsafe event.events & (EPOLLHUP.rawValue | EPOLLERR.rawValue) != 0 {
            readiness.insert([.broken, .writable])
        }
        return unsafe (event.data.u64, readiness)
    }
}
