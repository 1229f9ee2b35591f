import Bytes

/// A parsed response head: what was understood, as offsets into the head's bytes, which the reader's buffer
/// holds.
@usableFromInline
package struct ResponseHead: ~Copyable {
    /// The whole head, from the status line to the empty line, both included.
    @usableFromInline package var bytes: ByteView = .empty
    /// 100 to 599.
    @usableFromInline package var status = 0
    /// Start and end of the reason phrase; may be empty.
    @usableFromInline package var reason: (start: Int, end: Int) = (0, 0)
    /// The `x` of `HTTP/1.x`: 0 or 1.
    @usableFromInline package var minorVersion = 1
    /// Framing of the body as the request's method and the status allow it (RFC 9112 §6.3).
    @usableFromInline package var framing: BodyFraming = .none
    /// Whether the origin keeps the connection open after this answer.
    @usableFromInline package var keepAlive = true
    /// Whether `Connection` lists options besides close, keep-alive and upgrade: names of fields to remove.
    @usableFromInline package var connectionListsOthers = false
    /// Offset of the first field line, behind the status line.
    @usableFromInline package var fieldsStart = 0
    @usableFromInline package var fields: FieldTable

    /// - Parameter fields: Empty; where the head is parsed again and again, out of a pool.
    @inlinable
    package init(fields: consuming FieldTable = FieldTable()) { self.fields = fields }

    /// The table, to be given back; the head ends with it.
    @inlinable
    package consuming func intoFields() -> FieldTable { fields }

    /// A 1xx answer other than 101: more follows.
    @inlinable
    package var isInterim: Bool { status < 200 && status != 101 }

    @inlinable
    package var reasonBytes: ByteView { bytes.slice(reason.start, reason.end) }

    @inlinable @inline(__always)
    package func value(of name: FieldName) -> ByteView? {
        fields.firstIndex(of: name).map { value(at: $0) }
    }

    @inlinable @inline(__always)
    package func value(at index: Int) -> ByteView { fields.value(at: index, in: bytes) }

    /// A field's name as received.
    @inlinable @inline(__always)
    package func name(at index: Int) -> ByteView { fields.name(at: index, in: bytes) }

    /// Whether `Connection` takes this line out of what is passed on (RFC 9110 §7.6.1); which names can be
    /// taken out so, `FieldRules.isRemovableByConnection` says. Fields that are hop-by-hop by definition are
    /// dropped without this.
    @inlinable @inline(__always)
    package func connectionLists(nameAt index: Int) -> Bool {
        guard connectionListsOthers, FieldRules.isRemovableByConnection(fields[index].name) else {
            return false
        }
        return ConnectionOptions.list(name(at: index), bytes, fields)
    }

    /// Start of a field line and start of what follows it.
    @inlinable @inline(__always)
    package func line(at index: Int) -> (start: Int, end: Int) {
        let start = Int(fields[index].lineStart)
        let end = index + 1 < fields.count ? Int(fields[index + 1].lineStart) : bytes.count - 2
        return (start, end)
    }
}
