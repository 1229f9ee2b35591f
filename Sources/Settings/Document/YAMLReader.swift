import CYAML

/// One step of a YAML text: libyaml's events, less what settings have no use for (tags, styles of
/// collections).
struct YAMLEvent {
    enum Kind {
        case streamStart
        case streamEnd
        case documentStart
        case documentEnd
        case listStart
        case listEnd
        case mapStart
        case mapEnd
        case alias(of: String)
        /// `isPlain`: neither quoted nor a block.
        case scalar(text: String, isPlain: Bool)
    }

    var kind: Kind
    var mark: Mark
    /// The name behind `&`.
    var anchor: String?
}

/// What libyaml refuses, where, in its own words.
struct YAMLError: Error {
    enum Kind: Equatable {
        /// The text has a character that YAML does not allow; its number, where libyaml says it.
        case character(Int?)
        /// Anything else that is not YAML.
        case syntax(String)
        /// Nested deeper than a file may be; said by who reads the events.
        case depth
        case memory
    }

    var kind: Kind
    var mark: Mark
}

/// Reads a text as YAML events, in order, by libyaml: what is nested is not followed here, so that no input
/// can overflow the stack.
@safe struct YAMLReader: ~Copyable {
    // SAFETY: both are allocated in init and freed in deinit; libyaml keeps pointers to the parser's own
    // memory and to the text, neither of which moves. One thread reads.
    private let parser: UnsafeMutablePointer<yaml_parser_t>
    private let text: UnsafeMutableBufferPointer<UInt8>
    private let isReady: Bool

    init(_ source: String) {
        unsafe parser = .allocate(capacity: 1)
        // SAFETY: libyaml clears the struct before it uses it.
        unsafe isReady = yaml_parser_initialize(parser) == 1
        unsafe text = .allocate(capacity: source.utf8.count)
        _ = unsafe text.initialize(from: source.utf8)
        guard isReady else { return }
        unsafe yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
        unsafe yaml_parser_set_input_string(parser, text.baseAddress, text.count)
    }

    deinit {
        if isReady { unsafe yaml_parser_delete(parser) }
        unsafe parser.deallocate()
        unsafe text.deallocate()
    }

    /// The next event. After `streamEnd` or an error there is none to ask for.
    mutating func next() throws(YAMLError) -> YAMLEvent {
        guard isReady else { throw YAMLError(kind: .memory, mark: Mark(line: 1, column: 1)) }
        var event = unsafe yaml_event_t()
        guard unsafe yaml_parser_parse(parser, &event) == 1 else { throw error }
        // SAFETY: the texts of an event live until it is deleted; they are copied before.
        defer { unsafe yaml_event_delete(&event) }
        let mark = unsafe Mark(event.start_mark)
        switch unsafe event.type {
        case YAML_STREAM_START_EVENT, YAML_NO_EVENT: return YAMLEvent(kind: .streamStart, mark: mark)
        case YAML_STREAM_END_EVENT: return YAMLEvent(kind: .streamEnd, mark: mark)
        case YAML_DOCUMENT_START_EVENT: return YAMLEvent(kind: .documentStart, mark: mark)
        case YAML_DOCUMENT_END_EVENT: return YAMLEvent(kind: .documentEnd, mark: mark)
        case YAML_SEQUENCE_START_EVENT:
            let anchor = unsafe Self.word(event.data.sequence_start.anchor)
            return YAMLEvent(kind: .listStart, mark: mark, anchor: anchor)
        case YAML_SEQUENCE_END_EVENT: return YAMLEvent(kind: .listEnd, mark: mark)
        case YAML_MAPPING_START_EVENT:
            let anchor = unsafe Self.word(event.data.mapping_start.anchor)
            return YAMLEvent(kind: .mapStart, mark: mark, anchor: anchor)
        case YAML_MAPPING_END_EVENT: return YAMLEvent(kind: .mapEnd, mark: mark)
        case YAML_ALIAS_EVENT:
            let name = unsafe Self.word(event.data.alias.anchor) ?? ""
            return YAMLEvent(kind: .alias(of: name), mark: mark)
        case YAML_SCALAR_EVENT:
            let scalar = unsafe event.data.scalar
            let bytes = unsafe UnsafeBufferPointer(start: scalar.value, count: scalar.length)
            let isPlain = unsafe scalar.style == YAML_PLAIN_SCALAR_STYLE
            let text = unsafe String(decoding: bytes, as: UTF8.self)
            return unsafe YAMLEvent(
                kind: .scalar(text: text, isPlain: isPlain), mark: mark, anchor: Self.word(scalar.anchor))
        default: preconditionFailure("libyaml has no other events")
        }
    }

    private var error: YAMLError {
        let problem = unsafe Self.word(parser.pointee.problem) ?? "it cannot be read"
        switch unsafe parser.pointee.error {
        case YAML_MEMORY_ERROR: return YAMLError(kind: .memory, mark: Mark(line: 1, column: 1))
        case YAML_READER_ERROR:
            let value = unsafe parser.pointee.problem_value
            let offset = unsafe Int(parser.pointee.problem_offset)
            return YAMLError(
                kind: .character(value >= 0 ? Int(value) : nil), mark: place(ofByte: offset))
        default:
            let mark = unsafe Mark(parser.pointee.problem_mark)
            return YAMLError(kind: .syntax(problem), mark: mark)
        }
    }

    /// The place of a byte, counted from 0. Lines end where YAML ends them, columns count characters: as in
    /// libyaml's own marks.
    private func place(ofByte offset: Int) -> Mark {
        let before = unsafe String(decoding: text.prefix(offset), as: UTF8.self)
        let lines = before.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
        return Mark(line: lines.count, column: (lines.last?.unicodeScalars.count ?? 0) + 1)
    }

    private static func word(_ text: UnsafePointer<UInt8>?) -> String? {
        // SAFETY: libyaml ends its texts with a zero.
        unsafe text.map { unsafe String(cString: $0) }
    }

    private static func word(_ text: UnsafePointer<CChar>?) -> String? {
        // SAFETY: as above; these are constants of the library.
        unsafe text.map { unsafe String(cString: $0) }
    }
}

extension Mark {
    /// Libyaml counts from 0.
    fileprivate init(_ mark: yaml_mark_t) {
        self.init(line: Int(clamping: mark.line) + 1, column: Int(clamping: mark.column) + 1)
    }
}
