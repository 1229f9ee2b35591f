import Bytes

/// A script that Redis runs as one step. Commands name it by its digest; a server that does not know it is
/// given the source, and asked again.
package struct Script: Sendable {
    package let source: StaticString
    /// 40 hexadecimal digits.
    package let digest: [UInt8]

    package init(_ source: StaticString) {
        self.source = source
        let bytes = ByteView(source).array()
        let digest = SHA1.digest(bytes.span)
        self.digest = digest.indices.flatMap { index in
            [ASCII.hexDigit(digest[index] >> 4), ASCII.hexDigit(digest[index])]
        }
    }
}

extension CommandWriter {
    /// Begins `EVALSHA digest keys key… argument…`: so many words follow.
    package mutating func begin(_ script: Script, keys: Int, arguments: Int) {
        begin(3 + keys + arguments)
        word("EVALSHA")
        word(script.digest)
        word(decimal: keys)
    }
}
