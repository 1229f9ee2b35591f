/// A queue in a ring that grows: neither adding nor taking moves or allocates anything in the steady state.
struct Ring<Element> {
    private var elements: [Element?]
    private var first = 0
    private(set) var count = 0

    init(capacity: Int = 64) { elements = Array(repeating: nil, count: capacity) }

    var isEmpty: Bool { count == 0 }

    subscript(position: Int) -> Element {
        get {
            guard position < count, let element = elements[place(position)] else {
                preconditionFailure("no element \(position) of \(count)")
            }
            return element
        }
        set {
            precondition(position < count)
            elements[place(position)] = newValue
        }
    }

    mutating func append(_ element: Element) {
        if count == elements.count { grow() }
        elements[place(count)] = element
        count += 1
    }

    mutating func popFirst() -> Element? {
        guard count > 0 else { return nil }
        defer {
            elements[first] = nil
            first = (first + 1) % elements.count
            count -= 1
        }
        return elements[first]
    }

    private func place(_ position: Int) -> Int { (first + position) % elements.count }

    private mutating func grow() {
        var larger: [Element?] = (0..<count).map { self[$0] }
        larger.append(contentsOf: Array(repeating: nil, count: count))
        elements = larger
        first = 0
    }
}
