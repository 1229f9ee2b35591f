import Bytes

/// Writes commands as Redis reads them (RESP2: an array of bulk strings). Writes into memory of the caller,
/// allocates nothing, and leaves a command that does not fit out whole.
package struct CommandWriter: ~Copyable {
    private var writer: ByteWriter
    /// Commands that were begun, and words that the last of them lacks.
    package private(set) var commands = 0
    private var missing = 0

    package init(_ region: MutableByteView) { writer = ByteWriter(region) }

    /// What has been written.
    package var view: ByteView { writer.view }
    package var overflowed: Bool { writer.overflowed }

    /// Begins a command of `count` words, its name among them. So many calls of `word` follow.
    package mutating func begin(_ count: Int) {
        precondition(missing == 0 && count > 0, "a command before this one lacks words")
        missing = count
        commands += 1
        writer.write("*")
        writer.write(decimal: count)
        writer.write("\r\n")
    }

    package mutating func word(_ bytes: ByteView) {
        open(bytes.count)
        writer.write(bytes)
        writer.write("\r\n")
    }

    package mutating func word(_ literal: StaticString) { word(ByteView(literal)) }

    package mutating func word(_ bytes: [UInt8]) { bytes.withView { word($0) } }

    package mutating func word(decimal value: Int) {
        var digits = value < 0 ? 2 : 1
        var rest = value.magnitude / 10
        while rest > 0 {
            digits += 1
            rest /= 10
        }
        open(digits)
        writer.write(decimal: value)
        writer.write("\r\n")
    }

    /// One word of several parts, as keys are: a prefix, a name, what a client sent.
    package mutating func word(_ first: ByteView, _ second: ByteView, _ third: ByteView = .empty) {
        open(first.count + second.count + third.count)
        writer.write(first)
        writer.write(second)
        writer.write(third)
        writer.write("\r\n")
    }

    private mutating func open(_ length: Int) {
        precondition(missing > 0, "more words than the command was said to have")
        missing -= 1
        writer.write("$")
        writer.write(decimal: length)
        writer.write("\r\n")
    }

    /// One whole command that a writer has written before.
    package mutating func copy(_ command: ByteView) {
        precondition(missing == 0, "a command before this one lacks words")
        commands += 1
        writer.write(command)
    }

    /// Whether the command that was begun has all its words.
    package var isWhole: Bool { missing == 0 && !writer.overflowed }
}
