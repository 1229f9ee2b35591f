import Bytes
import COpenSSL
import Glibc

/// Where the sessions of one worker get encrypted bytes from and put them to, for the length of one call.
///
/// A session does no input or output: its owner shows it what has come, and sends what it has written. That
/// way many records leave in one system call, and the same code runs without a network.
// SAFETY: `state` is memory that this value alone owns and that never moves, so that OpenSSL's BIOs may keep
// its address. Sessions are used on the wire's thread only and freed before it. `input` is the caller's for
// the length of one call.
@safe
package struct Wire: ~Copyable {
    @safe
    struct State {
        var input: UnsafeRawPointer?
        var inputCount = 0
        let output: UnsafeMutableRawPointer
        let capacity: Int
        var outputCount = 0

        init(capacity: Int) {
            unsafe input = nil
            self.capacity = capacity
            unsafe output = .allocate(byteCount: capacity, alignment: 64)
        }
    }

    let state: UnsafeMutablePointer<State>
    let method: OpaquePointer

    /// Bytes of one record beyond its payload: head, content type, tag (RFC 8446 §5.2), with room to spare
    /// for TLS 1.2.
    package static let recordOverhead = 64
    package static let longestPayload = 16384
    /// Bytes that a session may give out beyond those that one call has shown it: a record that was cut.
    package static let slack = longestPayload + 1024

    /// - Parameter longestMessage: Bytes that are encrypted at once.
    package init(longestMessage: Int) {
        let records = longestMessage / Wire.longestPayload + 2
        // Beside the message a handshake's flight may be written, with a chain of certificates.
        let capacity = longestMessage + records * Wire.recordOverhead + (128 << 10)
        unsafe state = .allocate(capacity: 1)
        unsafe state.initialize(to: State(capacity: capacity))
        unsafe method = makeWireMethod()
    }

    deinit {
        unsafe BIO_meth_free(method)
        unsafe state.pointee.output.deallocate()
        unsafe state.deinitialize(count: 1)
        unsafe state.deallocate()
    }

    /// What the last calls have written and nobody has taken. Valid until the next call of any session.
    package var output: ByteView {
        unsafe ByteView(start: state.pointee.output, count: state.pointee.outputCount)
    }

    package func clearOutput() { unsafe state.pointee.outputCount = 0 }

    /// A BIO that reads and writes here.
    func makeBIO() -> OpaquePointer {
        guard let bio = unsafe BIO_new(method) else { preconditionFailure("no memory for a TLS session") }
        unsafe BIO_set_data(bio, state)
        unsafe BIO_set_init(bio, 1)
        return unsafe bio
    }
}

private func makeWireMethod() -> OpaquePointer {
    guard let method = unsafe BIO_meth_new(BIO_get_new_index() | Int32(BIO_TYPE_SOURCE_SINK), "floodgate")
    else {
        preconditionFailure("no memory for TLS")
    }
    unsafe BIO_meth_set_read(method) { bio, buffer, length in
        guard let bio = unsafe bio, let buffer = unsafe buffer, length > 0,
            let state = unsafe BIO_get_data(bio)?.assumingMemoryBound(to: Wire.State.self)
        else { return -1 }
        unsafe floodgate_clear_retry(bio)
        guard unsafe state.pointee.inputCount > 0, let input = unsafe state.pointee.input else {
            unsafe floodgate_retry_read(bio)
            return -1
        }
        let count = unsafe min(Int(length), state.pointee.inputCount)
        unsafe memcpy(buffer, input, count)
        unsafe state.pointee.input = input + count
        unsafe state.pointee.inputCount -= count
        return Int32(count)
    }
    unsafe BIO_meth_set_write(method) { bio, buffer, length in
        guard let bio = unsafe bio, let buffer = unsafe buffer, length > 0,
            let state = unsafe BIO_get_data(bio)?.assumingMemoryBound(to: Wire.State.self)
        else { return -1 }
        unsafe floodgate_clear_retry(bio)
        guard unsafe Int(length) <= state.pointee.capacity - state.pointee.outputCount else {
            unsafe floodgate_retry_write(bio)
            return -1
        }
        unsafe memcpy(state.pointee.output + state.pointee.outputCount, buffer, Int(length))
        unsafe state.pointee.outputCount += Int(length)
        return length
    }
    unsafe BIO_meth_set_ctrl(method) { _, command, _, _ in command == BIO_CTRL_FLUSH ? 1 : 0 }
    return unsafe method
}
