import Glibc

/// Why the origin does not start.
package enum DemoError: Error, Equatable, CustomStringConvertible {
    case notAnAddress(String)
    case cannotListen(String, UInt16, errno: Int32)
    case noThread

    package var description: String {
        switch self {
        case .notAnAddress(let text): "\(text) is not an IPv4 address"
        case .cannotListen(let address, let port, EADDRINUSE):
            "\(address):\(port) is in use: stop what listens there, or choose another port"
        case .cannotListen(let address, let port, let code):
            "cannot listen on \(address):\(port) (system error \(code))"
        case .noThread: "the system has no thread left for the demo's origin"
        }
    }
}
