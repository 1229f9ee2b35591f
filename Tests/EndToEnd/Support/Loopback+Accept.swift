import Foundation

extension Loopback {
    /// Accepts connections until `take` wants no more or the listener ends, and closes the listener.
    static func acceptAll(_ listener: Int32, _ take: (TestSocket) -> Bool) {
        defer { close(listener) }
        while true {
            let descriptor = accept(listener, nil, nil)
            if descriptor < 0, errno == EINTR || errno == ECONNABORTED { continue }
            guard descriptor >= 0, take(TestSocket(adopting: descriptor)) else { return }
        }
    }
}
