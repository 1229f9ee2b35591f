import Bytes

/// A parsed response head: what was understood, as offsets into the head's bytes, which the reader's buffer
/// holds.
package struct ResponseHead {
    /// The whole head, from the status line to the empty line, both included.
    package var bytes: ByteView = .empty
    /// 100 to 599.
    package var status = 0
    /// Start and end of the reason phrase; may be empty.
    package var reason: (start: Int, end: Int) = (0, 0)
    /// The `x` of `HTTP/1.x`: 0 or 1.
    package var minorVersion = 1
    /// Framing of the body as the request's method and the status allow it (RFC 9112 §6.3).
    package var framing: BodyFraming = .none
    /// Whether the origin keeps the connection open after this answer.
    package var keepAlive = true
    /// Whether `Connection` lists options besides close, keep-alive and upgrade: names of fields to remove.
    package var connectionListsOthers = false
    /// Offset of the first field line, behind the status line.
    package var fieldsStart = 0
    package var fields = FieldTable()

    package init() {}

    /// A 1xx answer other than 101: more follows.
    package var isInterim: Bool { status < 200 && status != 101 }

    package var reasonBytes: ByteView { bytes.slice(reason.start, reason.end) }

    package func value(of name: FieldName) -> ByteView? {
        fields.firstIndex(of: name).map { value(at: $0) }
    }

    package func value(at index: Int) -> ByteView { fields.value(at: index, in: bytes) }

    /// A field's name as received.
    package func name(at index: Int) -> ByteView { fields.name(at: index, in: bytes) }

    /// Whether `Connection` takes this line out of what is passed on (RFC 9110 §7.6.1); which names can be
    /// taken out so, `FieldRules.isRemovableByConnection` says. Fields that are hop-by-hop by definition are
    /// dropped without this.
    package func connectionLists(nameAt index: Int) -> Bool {
        guard connectionListsOthers, FieldRules.isRemovableByConnection(fields[index].name) else {
            return false
        }
        return ConnectionOptions.list(name(at: index), bytes, fields)
    }

    /// Start of a field line and start of what follows it.
    package func line(at index: Int) -> (start: Int, end: Int) {
        let start = Int(fields[index].lineStart)
        let end = index + 1 < fields.count ? Int(fields[index + 1].lineStart) : bytes.count - 2
        return (start, end)
    }
}
