/// Memory of one worker that holds bytes during a turn and never longer: reads land in it with room before
/// and behind them, so that a new head or a chunk's frame can be put around a body that is not copied.
// SAFETY: `base` is `size` bytes that this value alone owns; views of it are made within its bounds.
@safe
package struct Scratch: ~Copyable {
    private let base: UnsafeMutableRawPointer
    private let size: Int

    package init(size: Int) {
        self.size = size
        unsafe base = .allocate(byteCount: size, alignment: 64)
    }

    deinit { unsafe base.deallocate() }

    /// All of it. Valid during the turn.
    package var view: MutableByteView { unsafe MutableByteView(start: base, count: size) }
}
