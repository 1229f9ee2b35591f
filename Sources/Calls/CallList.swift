import Bytes

/// One name and how often a request calls it.
package struct Call {
    /// Valid until the reader reads the next request.
    package let name: ByteView
    package let times: Int
}

/// The calls of one request by name. Names are copied, for what they are read from is gone by then.
struct CallList: ~Copyable {
    private struct Entry {
        var start: Int
        var end: Int
        var times: Int
    }

    private let names = Scratch(size: CallReader.mostCalls * CallReader.longestName)
    private var entries: [Entry] = []
    private var places = PlaceIndex(capacity: CallReader.mostCalls)
    /// Bytes of `names` in use.
    private var used = 0
    private var limit = 0
    private(set) var total = 0
    private(set) var unnamed = 0

    init() { entries.reserveCapacity(CallReader.mostCalls) }

    var count: Int { entries.count }

    subscript(index: Int) -> Call {
        let entry = entries[index]
        return Call(name: names.view.view.slice(entry.start, entry.end), times: entry.times)
    }

    mutating func removeAll(limit: Int = 0) {
        entries.removeAll(keepingCapacity: true)
        places.removeAll()
        self.limit = limit
        (used, total, unnamed) = (0, 0, 0)
    }

    mutating func addUnnamed() throws(CallStop) {
        try take()
        unnamed &+= 1
    }

    /// Counts a call. The name was checked to be one, and has at most `longestName` bytes.
    mutating func add(_ name: ByteView) throws(CallStop) {
        try take()
        var place = places.start(name.place)
        while let index = places.entry(at: place) {
            guard !self[index].name.equals(name) else { return entries[index].times &+= 1 }
            place = places.next(place)
        }
        names.view.write(name, at: used)
        places.put(entries.count, at: place)
        entries.append(Entry(start: used, end: used &+ name.count, times: 1))
        used &+= name.count
    }

    private mutating func take() throws(CallStop) {
        guard total < limit else { throw .tooMany }
        total &+= 1
    }
}
