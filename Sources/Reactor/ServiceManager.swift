import CLinux
import Glibc

/// Tells systemd how the service is (sd_notify(3)). Silent where nobody asked to be told.
package enum ServiceManager {
    package enum State: String, Sendable {
        case ready = "READY=1"
        case reloading = "RELOADING=1"
        case stopping = "STOPPING=1"
    }

    /// - Parameter path: `NOTIFY_SOCKET` of the environment; a leading `@` is an abstract socket.
    // SAFETY: address and text live through the call.
    package static func tell(_ state: State, path: String?) {
        guard let path, !path.isEmpty, path.utf8.count <= 107 else { return }
        let type = Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue)
        let descriptor = socket(AF_UNIX, type, 0)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        var text = state.rawValue
        if state == .reloading {
            // Type=notify-reload wants to know since when.
            var time = timespec()
            unsafe clock_gettime(CLOCK_MONOTONIC, &time)
            text += "\nMONOTONIC_USEC=\(Int(time.tv_sec) * 1_000_000 + Int(time.tv_nsec) / 1000)"
        }
        var address = RawAddress(.unix(path: path))
        address.makeAbstractIfNamed()
        let message = Array(text.utf8)
        _ = unsafe address.withPointer { pointer, length in
            unsafe message.withUnsafeBytes { bytes in
                unsafe sendto(
                    descriptor, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL), pointer, length)
            }
        }
    }
}
