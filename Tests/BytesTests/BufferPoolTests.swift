import Bytes
import Testing

@Suite struct BufferPoolTests {
    @Test func `blocks that a burst left behind are freed once nothing has needed them`() {
        var pool = BufferPool()
        let first = pool.take(.small)
        let second = pool.take(.small)
        pool.give(first)
        pool.give(second)
        // The burst is part of the time looked back on: all its blocks were needed.
        let atOnce = pool.trim()
        #expect(atOnce == 0)
        let third = pool.take(.small)
        pool.give(third)
        // One block was in use at a time since.
        let later = pool.trim()
        #expect(later == BufferPool.Size.small.rawValue)
        let last = pool.trim()
        #expect(last == BufferPool.Size.small.rawValue)
        let outstanding = pool.outstanding
        #expect(outstanding == 0)
    }
}
