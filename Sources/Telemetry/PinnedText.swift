import Bytes

/// The bytes of a name from the settings at an address that does not move, so that records can point to them.
///
/// Held by the settings' snapshot; its view is valid as long as the snapshot is.
// SAFETY: the memory is written once in `init`, only read afterwards, and freed when the last reference is
// gone; a view must not outlive the object, which holds because an exchange keeps the snapshot that it began
// with.
@safe
package final class PinnedText: @unchecked Sendable {
    private let bytes: UnsafeMutableRawBufferPointer

    package convenience init(_ text: String) { self.init(bytes: Array(text.utf8)) }

    package init(bytes utf8: [UInt8]) {
        unsafe bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: max(1, utf8.count), alignment: 1)
        unsafe bytes.copyBytes(from: utf8)
        view = unsafe ByteView(
            start: UnsafeRawPointer(bytes.baseAddress.unsafelyUnwrapped), count: utf8.count)
    }

    deinit { unsafe bytes.deallocate() }

    package let view: ByteView
}
