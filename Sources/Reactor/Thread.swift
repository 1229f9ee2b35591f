import CLinux
import Glibc

/// Threads of the process: few, started once, each with a name that `top -H` shows.
package enum Thread {
    private final class Start {
        let body: @Sendable () -> Void

        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }

    /// Runs `body` on a thread of its own, all signals blocked: they are the control thread's. `name` has at
    /// most 15 bytes.
    // SAFETY: the start is handed over retained; the new thread takes that reference over.
    package static func start(name: String, _ body: @escaping @Sendable () -> Void) throws(SystemError) {
        var thread = pthread_t()
        let start = unsafe Unmanaged.passRetained(Start(body))
        let code = unsafe pthread_create(
            &thread, nil,
            { argument in
                guard let argument = unsafe argument else { return nil }
                unsafe Unmanaged<Start>.fromOpaque(argument).takeRetainedValue().body()
                return nil
            }, start.toOpaque())
        guard code == 0 else {
            unsafe start.release()
            throw SystemError("pthread_create", code: code)
        }
        unsafe pthread_setname_np(thread, name)
        pthread_detach(thread)
    }
}
