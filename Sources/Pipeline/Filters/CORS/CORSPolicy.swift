import Bytes
import HTTPModel
import Settings

/// Which pages may read the answers of a route, compiled: the lines are ready, and an answer to a request
/// without an Origin costs one look and one line (Fetch standard §3.2, "CORS protocol").
package final class CORSPolicy: Sendable {
    /// What an origin gets.
    package enum Grant: Equatable, Sendable {
        case none
        /// `*`, whoever asks.
        case everybody
        /// The origin itself, as it was sent.
        case named
        /// `null`.
        case null
    }

    private let origins: OriginSet
    /// Lines behind Access-Control-Allow-Origin: for a named origin, and for `null`.
    private let credentials: [UInt8]
    private let nullCredentials: [UInt8]
    /// The line of fields that pages may read; empty for none.
    private let exposed: [UInt8]
    /// Lines of a preflight's answer.
    private let preflight: [UInt8]
    /// Whether a preflight's answer names the fields that were asked for.
    private let reflectsHeaders: Bool
    private let allowsPrivateNetwork: Bool

    /// Bytes of asked-for field names that an answer repeats; beyond them it repeats none.
    static let longestReflection = 2048

    /// - Parameters:
    ///   - origins: Those of `settings`; shared by the routes that have the same.
    ///   - methods: What the route takes; empty for any method.
    package init(_ settings: CORSSettings, origins: OriginSet, methods: [String]) {
        self.origins = origins
        let line = Array("Access-Control-Allow-Credentials: true\r\n".utf8)
        credentials = settings.credentials ? line : []
        nullCredentials = settings.nullCredentials ? line : []
        switch settings.exposedHeaders {
        case .any: exposed = Array("Access-Control-Expose-Headers: *\r\n".utf8)
        case .listed(let names):
            exposed =
                names.isEmpty
                ? [] : Array("Access-Control-Expose-Headers: \(names.joined(separator: ", "))\r\n".utf8)
        }
        let allowed = CORSPolicy.methods(settings, route: methods)
        var lines = "Access-Control-Allow-Methods: \(allowed.joined(separator: ", "))\r\n"
        if case .listed(let names) = settings.headers, !names.isEmpty {
            lines += "Access-Control-Allow-Headers: \(names.joined(separator: ", "))\r\n"
        }
        lines += "Access-Control-Max-Age: \(settings.maxAge.components.seconds)\r\n"
        preflight = Array(lines.utf8)
        reflectsHeaders = settings.headers == .any
        allowsPrivateNetwork = settings.privateNetwork
    }

    /// What a page may use: what settings say, else what the route takes, HEAD with its GET.
    package static func methods(_ settings: CORSSettings, route: [String]) -> [String] {
        if let methods = settings.methods { return methods }
        guard !route.isEmpty else { return ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"] }
        guard let get = route.firstIndex(of: "GET"), !route.contains("HEAD") else { return route }
        var methods = route
        methods.insert("HEAD", at: get + 1)
        return methods
    }

    /// Whether answers differ with the request's Origin, so that a cache must not mix them up.
    package var varies: Bool { !origins.allowsAny }

    /// What a request with this Origin gets; nil is a request without one.
    package func grant(_ origin: ByteView?) -> Grant {
        if origins.allowsAny { return .everybody }
        guard let origin else { return .none }
        if origin.count == 4, origin.equals("null") { return origins.allowsNull ? .null : .none }
        return origins.contains(origin) ? .named : .none
    }

    // MARK: - Answers

    /// The lines that let a page read an answer.
    package func writeGrant(_ origin: ByteView?, isPreflight: Bool = false, to writer: inout ByteWriter) {
        switch grant(origin) {
        case .none: return
        case .everybody: writer.write("Access-Control-Allow-Origin: *\r\n")
        case .named:
            writer.write("Access-Control-Allow-Origin: ")
            // One of the settings' own, or a host below one of them: nothing that could end the line.
            writer.write(origin ?? .empty)
            writer.write("\r\n")
            credentials.withView { writer.write($0) }
        case .null:
            writer.write("Access-Control-Allow-Origin: null\r\n")
            nullCredentials.withView { writer.write($0) }
        }
        if !isPreflight { exposed.withView { writer.write($0) } }
    }

    /// The lines that let a page send what it has asked about.
    private func writePreflight(_ head: borrowing RequestHead, to writer: inout ByteWriter) {
        preflight.withView { writer.write($0) }
        if reflectsHeaders, let names = Preflight.value(of: "access-control-request-headers", in: head),
            Preflight.isNames(names, limit: CORSPolicy.longestReflection)
        {
            writer.write("Access-Control-Allow-Headers: ")
            writer.write(names)
            writer.write("\r\n")
        }
        if allowsPrivateNetwork,
            let asks = Preflight.value(of: "access-control-request-private-network", in: head),
            asks.equals("true")
        {
            writer.write("Access-Control-Allow-Private-Network: true\r\n")
        }
    }

    /// Lines for an answer that the gateway makes itself. What the operator wrote for it names Origin in its
    /// own Vary already (`merged`).
    package func write(
        for response: borrowing LocalResponse, to exchange: borrowing ExchangeState,
        writer: inout ByteWriter
    ) {
        let isPreflight = Preflight.isOne(exchange.head)
        writeGrant(exchange.origin, isPreflight: isPreflight, to: &writer)
        if isPreflight {
            if case .preflight = response.content { writePreflight(exchange.head, to: &writer) }
            // All that its answer and the choice of its route depend on.
            writer.write("Vary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers")
            writer.write(allowsPrivateNetwork ? ", Access-Control-Request-Private-Network\r\n" : "\r\n")
        } else if varies, response.ownBody?.sets(ByteView("vary")) != true {
            writer.write("Vary: Origin\r\n")
        }
    }

    /// The operator's own fields of an answer, with Origin in their Vary where they have one.
    package func merged(_ fields: [HeaderField]) -> [HeaderField] {
        guard varies else { return fields }
        return fields.map { field in
            guard field.name.lowercased() == "vary" else { return field }
            let names = field.value.lowercased().split { $0 == "," || $0 == " " || $0 == "\t" }
            let isThere = names.contains { $0 == "origin" || $0 == "*" }
            return isThere ? field : HeaderField(field.name, field.value + ", Origin")
        }
    }
}

// MARK: - Backends' answers

extension CORSPolicy {
    /// What becomes of an answer's own Vary lines.
    package enum Vary: Sendable {
        /// They stand as they are: nothing varies here, or they say so already.
        case kept
        /// They are left out, and one line says what they said and Origin.
        case merged
    }

    package func vary(of head: borrowing ResponseHead) -> Vary {
        guard varies else { return .kept }
        var index = head.fields.firstIndex(of: .vary)
        while let place = index {
            if CORSPolicy.namesOrigin(head.value(at: place)) { return .kept }
            index = head.fields.firstIndex(of: .vary, from: place + 1)
        }
        return .merged
    }

    /// Whether a field of the backend's answer is one that this policy says instead.
    package func drops(_ head: borrowing ResponseHead, _ index: Int, _ vary: Vary) -> Bool {
        let field = head.fields[index]
        if field.name == .vary { return vary == .merged }
        guard field.name == .other, field.nameLength > 15 else { return false }
        let name = head.name(at: index)
        return name[0] | 0x20 == 0x61 && name.prefix(15).equalsIgnoringCase("access-control-")
    }

    package func write(
        for head: borrowing ResponseHead, _ vary: Vary, to exchange: borrowing ExchangeState,
        writer: inout ByteWriter
    ) {
        writeGrant(exchange.origin, to: &writer)
        guard vary == .merged else { return }
        writer.write("Vary: ")
        var index = head.fields.firstIndex(of: .vary)
        while let place = index {
            let value = head.value(at: place)
            if !value.isEmpty {
                writer.write(value)
                writer.write(", ")
            }
            index = head.fields.firstIndex(of: .vary, from: place + 1)
        }
        writer.write("Origin\r\n")
    }

    /// Whether a list of field names has `Origin` or `*` in it.
    private static func namesOrigin(_ list: ByteView) -> Bool {
        var rest = list
        while true {
            let end = rest.firstIndex(of: 0x2C) ?? rest.count
            let name = rest.prefix(end).trimmed()
            if name.equalsIgnoringCase("origin") || name.equals("*") { return true }
            guard end < rest.count else { return false }
            rest = rest.dropFirst(end + 1)
        }
    }
}
