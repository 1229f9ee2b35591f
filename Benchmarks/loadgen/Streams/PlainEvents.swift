import Addressing
import Bytes
import Reactor
import Time

/// The same events straight from the origin, by HTTP/1.1 without TLS and a connection for each stream: what
/// the machine itself makes of the delay.
// SAFETY: `region` is this value's own and lives through each read into it.
struct PlainEvents: ~Copyable {
    private let options: EventsCommand
    private let epoll: Epoll
    private let region = Scratch(size: 65_536)
    private var sockets: [Socket] = []
    private var readers: [EventReader] = []
    private var summary = Summary()
    private var isMeasuring = false

    init(_ options: EventsCommand, epoll: consuming Epoll) {
        self.options = options
        self.epoll = epoll
    }

    mutating func run() throws -> Summary {
        for index in 0..<options.streams {
            let socket = try Socket.connect(to: .ip(.loopback, port: options.port))
            try epoll.add(socket, token: UInt64(index))
            sockets.append(socket)
            readers.append(EventReader())
        }
        let request = Array("GET /events HTTP/1.1\r\nHost: 127.0.0.1:\(options.port)\r\n\r\n".utf8)
        let begins = SystemClock.now() + .seconds(options.warmUp)
        let ends = begins + .seconds(options.seconds)
        var now = SystemClock.now()
        var asked = Set<Int>()
        while now < ends {
            if !isMeasuring, now >= begins {
                isMeasuring = true
                summary.forgetAnswers()
            }
            let count = epoll.wait(milliseconds: 20)
            for event in 0..<count {
                let index = Int(epoll.event(event).token)
                // The first thing to come is that the connection is there.
                if asked.insert(index).inserted, case .failed = request.withView({ sockets[index].send($0) })
                {
                    summary.failed(.connectFailed)
                }
                read(index)
            }
            now = SystemClock.now()
        }
        summary.elapsed = now - begins
        for reader in readers where reader.seen == 0 { summary.failed(.timedOut) }
        for socket in sockets { socket.close() }
        return summary
    }

    private mutating func read(_ index: Int) {
        while true {
            switch unsafe sockets[index].receive(into: region.view.region) {
            case .moved(let count):
                let time = SystemClock.now()
                let bytes = region.view.view.prefix(count).array()
                guard let delays = readers[index].read(bytes[...], at: time) else {
                    return summary.failed(.malformed)
                }
                for delay in delays where isMeasuring { summary.succeeded(nanoseconds: delay) }
            case .blocked:
                return
            case .ended, .failed:
                return summary.failed(.shortAnswer)
            }
        }
    }
}
