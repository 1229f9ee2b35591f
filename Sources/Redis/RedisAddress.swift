import Bytes

/// Where a Redis server is and who asks it, as an operator writes it:
/// `redis://[user[:password]@]host[:port][/database]`, `rediss://…` for TLS,
/// `unix://[user[:password]@]/path[?db=number]`.
///
/// Its texts for people never hold the password.
package struct RedisAddress: Equatable, Sendable {
    package enum Place: Hashable, Sendable {
        /// A name or an address, without brackets.
        case host(String, port: UInt16)
        case unix(path: String)
    }

    package var place: Place
    package var isEncrypted = false
    /// Nil is Redis' default user.
    package var user: String?
    package var password: String?
    package var database = 0
    /// Whether the port was written, or is the one that is meant without.
    package private(set) var namesPort = false

    package static let defaultPort: UInt16 = 6379
    /// Redis has 16 databases unless it is told otherwise.
    package static let databases = 0...65_535
    /// What the kernel takes as a unix socket's path.
    private static let longestPath = 107

    /// Why a text is no such address. Never holds the text: it may be a secret.
    package struct Problem: Error, Equatable, Sendable {
        package let words: String
    }

    package init(_ text: String) throws(Problem) {
        if let rest = text.suffix(behind: "redis://") {
            place = .unix(path: "")
            try readNetwork(rest)
        } else if let rest = text.suffix(behind: "rediss://") {
            place = .unix(path: "")
            isEncrypted = true
            try readNetwork(rest)
        } else if let rest = text.suffix(behind: "unix://") {
            place = .unix(path: "")
            try readUnix(rest)
        } else {
            throw Problem(words: "an address begins with redis://, rediss:// or unix://")
        }
    }

    // MARK: Reading

    private mutating func readNetwork(_ text: Substring) throws(Problem) {
        guard !text.contains("#") else { throw Problem(words: "a # in a password is written %23") }
        guard !text.contains("?") else { throw Problem(words: "there are no options behind a ?") }
        let slash = text.lastIndex(of: "/")
        // A slash in a password must be escaped, so that one before an @ is a mistake that would show the
        // rest.
        let authority = slash.map { text[..<$0] } ?? text
        guard !authority.contains("/"), slash.map({ !text[$0...].contains("@") }) ?? true else {
            throw Problem(words: "a / in a password is written %2F")
        }
        if let slash, text.index(after: slash) < text.endIndex {
            database = try Self.database(text[text.index(after: slash)...])
        }
        let (host, port) = try Self.endpoint(try readCredentials(authority))
        place = .host(host, port: port ?? Self.defaultPort)
        namesPort = port != nil
    }

    private mutating func readUnix(_ text: Substring) throws(Problem) {
        guard let slash = text.firstIndex(of: "/") else {
            throw Problem(words: "a unix socket needs its whole path: unix:///run/redis.sock")
        }
        guard try readCredentials(text[..<slash]).isEmpty else {
            throw Problem(words: "a unix socket needs its whole path: unix:///run/redis.sock")
        }
        var path = text[slash...]
        if let mark = path.firstIndex(of: "?") {
            let query = path[path.index(after: mark)...]
            guard let number = query.suffix(behind: "db=") else {
                throw Problem(words: "the only option behind a ? is db=number")
            }
            database = try Self.database(number)
            path = path[..<mark]
        }
        let decoded = try Self.decode(path)
        guard decoded.utf8.count > 1, decoded.utf8.count <= Self.longestPath, !decoded.utf8.contains(0) else {
            throw Problem(words: "a unix socket's path has 2 to \(Self.longestPath) bytes")
        }
        place = .unix(path: decoded)
    }

    /// Takes `user:password@` off the front.
    private mutating func readCredentials(_ authority: Substring) throws(Problem) -> Substring {
        guard let at = authority.lastIndex(of: "@") else { return authority }
        let credentials = authority[..<at]
        guard !credentials.contains("@") else { throw Problem(words: "an @ in a password is written %40") }
        if let colon = credentials.firstIndex(of: ":") {
            let name = try Self.decode(credentials[..<colon])
            user = name.isEmpty ? nil : name
            password = try Self.decode(credentials[credentials.index(after: colon)...])
            guard password != "" else { throw Problem(words: "the password before the @ is empty") }
        } else {
            throw Problem(words: "before the @ stands user:password, or :password")
        }
        return authority[authority.index(after: at)...]
    }

    /// A host, and the port behind it where there is one.
    static func endpoint(_ text: Substring) throws(Problem) -> (host: String, port: UInt16?) {
        var host = text
        var port: UInt16?
        let closing = host.lastIndex(of: "]")
        let colon = host.lastIndex(of: ":")
        if let colon, closing.map({ colon > $0 }) ?? true {
            let digits = host[host.index(after: colon)...]
            guard let number = Self.number(digits), let value = UInt16(exactly: number), value > 0 else {
                throw Problem(words: "a port is a number from 1 to 65535; an IPv6 address stands in brackets")
            }
            port = value
            host = host[..<colon]
        }
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
            guard host.contains(":") else { throw Problem(words: "brackets are for IPv6 addresses") }
        } else {
            guard !host.contains(":") else { throw Problem(words: "an IPv6 address stands in brackets") }
        }
        guard !host.isEmpty else { throw Problem(words: "the host is missing") }
        guard host.utf8.allSatisfy(RedisNode.isOfHost), host.utf8.count <= RedisNode.longestHost else {
            throw Problem(words: "the host is no name or address")
        }
        return (String(host).lowercased(), port)
    }

    private static func database(_ text: Substring) throws(Problem) -> Int {
        guard let number = number(text), databases.contains(number) else {
            throw Problem(words: "a database is a number from 0 to \(databases.upperBound)")
        }
        return number
    }

    private static func number(_ text: Substring) -> Int? { Array(text.utf8).withView { $0.decimal() } }

    /// `%40` for `@` and so on (RFC 3986 §2.1).
    private static func decode(_ text: Substring) throws(Problem) -> String {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            guard byte == 0x25 else {
                bytes.append(byte)
                continue
            }
            guard let high = rest.popFirst().flatMap(ASCII.hexValue),
                let low = rest.popFirst().flatMap(ASCII.hexValue)
            else { throw Problem(words: "a % is written %25, or begins two hexadecimal digits") }
            bytes.append(high << 4 | low)
        }
        guard let decoded = String(validating: bytes, as: UTF8.self) else {
            throw Problem(words: "the escaped bytes are no UTF-8")
        }
        return decoded
    }
}

extension RedisAddress: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// As an operator may see it anywhere: whether there is a password, never which.
    package var description: String {
        let credentials = password == nil ? "" : "\(user ?? ""):***@"
        switch place {
        case .host(let host, let port):
            let shown = host.contains(":") ? "[\(host)]" : host
            let scheme = isEncrypted ? "rediss" : "redis"
            return "\(scheme)://\(credentials)\(shown):\(port)\(database == 0 ? "" : "/\(database)")"
        case .unix(let path):
            return "unix://\(credentials)\(path)\(database == 0 ? "" : "?db=\(database)")"
        }
    }

    package var debugDescription: String { description }

    package var customMirror: Mirror { Mirror(self, children: ["address": description]) }
}

extension StringProtocol where SubSequence == Substring {
    fileprivate func suffix(behind prefix: String) -> Substring? {
        hasPrefix(prefix) ? dropFirst(prefix.count) : nil
    }
}
