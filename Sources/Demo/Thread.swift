import Glibc

/// A thread of the operating system that somebody joins, exactly once.
// SAFETY: the closure's box is retained when the thread starts and released by the thread itself when it
// takes it over; where no thread starts, the same function releases it.
struct Thread: Sendable {
    private let handle: pthread_t

    private final class Work: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }

    /// Stack in bytes; address space only, until it is touched.
    private static let stackSize = 512 * 1024

    /// Starts `body`, or gives nil where the system has no thread left.
    static func start(_ body: @escaping @Sendable () -> Void) -> Thread? {
        var attributes = pthread_attr_t()
        guard unsafe pthread_attr_init(&attributes) == 0 else { return nil }
        defer { unsafe pthread_attr_destroy(&attributes) }
        _ = unsafe pthread_attr_setstacksize(&attributes, stackSize)
        let work = unsafe Unmanaged.passRetained(Work(body))
        var handle = pthread_t()
        let result = unsafe pthread_create(
            &handle, &attributes,
            { argument in
                guard let argument = unsafe argument else { return nil }
                unsafe Unmanaged<Work>.fromOpaque(argument).takeRetainedValue().body()
                return nil
            }, work.toOpaque())
        guard result == 0 else {
            unsafe work.release()
            return nil
        }
        return Thread(handle: handle)
    }

    func join() { _ = pthread_join(handle, nil) }
}
