import Bytes

/// What sentinels are asked, and what servers say of their part.
package enum SentinelCommands {
    /// The port of a sentinel where none is said.
    package static let defaultPort: UInt16 = 26_379

    /// Who the master is.
    package static func writeMaster(_ name: String, into writer: inout CommandWriter) {
        writer.begin(3)
        writer.word("SENTINEL")
        writer.word("get-master-addr-by-name")
        writer.word(Array(name.utf8))
    }

    /// Why a sentinel names no master. For logs.
    package struct Nameless: Error, Equatable, Sendable {
        package let words: String
    }

    package static func master(_ reply: Reply) throws(Nameless) -> RedisNode {
        switch reply.kind {
        case .null: throw Nameless(words: "the sentinel watches no master of this name")
        case .error: throw Nameless(words: reply.words)
        case .string, .status, .integer, .array: break
        }
        guard reply.count == 2, let port = reply[1].integer,
            let node = RedisNode(host: reply[0].bytes, port: port)
        else { throw Nameless(words: "the sentinel's answer names no server") }
        return node
    }

    /// Which part a server has.
    package enum Role: Equatable, Sendable {
        case master, replica, sentinel
        /// The user may not ask, or the answer is none that is known.
        case unknown

        package init(_ reply: Reply) {
            guard reply.kind == .array, reply.count > 0 else {
                self = .unknown
                return
            }
            let word = reply[0].bytes
            self =
                word.equals("master")
                ? .master : word.equals("slave") ? .replica : word.equals("sentinel") ? .sentinel : .unknown
        }
    }
}
