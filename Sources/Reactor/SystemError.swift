import Glibc

/// A system call that failed: which, with what error number.
package struct SystemError: Error, Equatable, Sendable {
    package let call: StaticString
    package let code: Int32

    package init(_ call: StaticString, code: Int32) {
        self.call = call
        self.code = code
    }

    package static func == (left: SystemError, right: SystemError) -> Bool { left.code == right.code }

    package static let addressInUse = SystemError("bind", code: EADDRINUSE)

    /// Nothing stands at the path.
    package var isMissing: Bool { code == ENOENT }

    /// The process or the system has no descriptor left.
    package var isOutOfDescriptors: Bool { code == EMFILE || code == ENFILE }
}

extension SystemError: CustomStringConvertible {
    /// `bind: Address already in use`
    package var description: String {
        // SAFETY: strerror's text is copied before anything else of this thread can ask for another.
        let reason = unsafe strerror(code).map { unsafe String(cString: $0) } ?? "error \(code)"
        return "\(call): \(reason)"
    }
}
