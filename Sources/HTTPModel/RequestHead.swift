import Bytes

/// A parsed request head: what was understood, as offsets into the head's bytes, which the exchange's buffer
/// holds.
@usableFromInline
package struct RequestHead: ~Copyable {
    /// The forms of a request target (RFC 9112 §3.2). `authority` belongs to CONNECT, which is refused.
    @usableFromInline
    package enum TargetForm: Sendable { case origin, absolute, asterisk, authority }

    /// The whole head, from the request line to the empty line, both included. Empty lines before the request
    /// line are not in it.
    @usableFromInline package var bytes: ByteView = .empty
    @usableFromInline package var method: Method = .get
    /// Where the method's token stands: at the head's beginning, but while `asking` lasts.
    @usableFromInline package private(set) var methodStart = 0
    @usableFromInline package var methodLength = 0
    @usableFromInline package var form: TargetForm = .origin
    /// Start and end of the path as received, without the query; empty for `*` and for an absolute target
    /// without a path.
    @usableFromInline package var path: (start: Int, end: Int) = (0, 0)
    /// Start and end of the query without its `?`; nil where there is none. An empty query has start == end.
    @usableFromInline package var query: (start: Int, end: Int)?
    /// Start and end of the host and optional port: of an absolute target, else of the Host field. Nil only
    /// with HTTP/1.0.
    @usableFromInline package var authority: (start: Int, end: Int)?
    /// The `x` of `HTTP/1.x`: 0 or 1.
    @usableFromInline package var minorVersion = 1
    @usableFromInline package var framing: BodyFraming = .none
    /// Whether the client allows the connection to stay open after this exchange (RFC 9112 §9.3).
    @usableFromInline package var keepAlive = true
    /// `Expect: 100-continue` from an HTTP/1.1 client that has a body to send.
    @usableFromInline package var expectsContinue = false
    /// `Connection: upgrade` together with an Upgrade field.
    @usableFromInline package var wantsUpgrade = false
    /// Whether `Connection` lists options besides close, keep-alive and upgrade: names of fields to remove.
    @usableFromInline package var connectionListsOthers = false
    /// Offset of the first field line, behind the request line.
    @usableFromInline package var fieldsStart = 0
    @usableFromInline package var fields: FieldTable

    /// - Parameter fields: Empty; where the head is parsed again and again, out of a pool.
    @inlinable
    package init(fields: consuming FieldTable = FieldTable()) { self.fields = fields }

    /// The table, to be given back; the head ends with it.
    @inlinable
    package consuming func intoFields() -> FieldTable { fields }

    @inlinable
    package var methodBytes: ByteView { bytes.slice(methodStart, methodStart + methodLength) }
    @inlinable
    package var pathBytes: ByteView { bytes.slice(path.start, path.end) }
    @inlinable
    package var queryBytes: ByteView? { query.map { bytes.slice($0.start, $0.end) } }
    @inlinable
    package var authorityBytes: ByteView? { authority.map { bytes.slice($0.start, $0.end) } }

    /// Does something with the head of the request that this one announces: the same, with the method that
    /// the field at `index` names.
    package mutating func asking(
        methodAt index: Int, _ body: (borrowing RequestHead) -> Void
    ) {
        let own = (method, methodLength)
        method = Method(value(at: index))
        methodStart = Int(fields[index].valueStart)
        methodLength = Int(fields[index].valueLength)
        body(self)
        (method, methodLength) = own
        methodStart = 0
    }

    /// Value of the first field of a known name, or nil.
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
        // Behind the last line stands the empty line, which ends the head.
        let end = index + 1 < fields.count ? Int(fields[index + 1].lineStart) : bytes.count - 2
        return (start, end)
    }
}
