import Bytes
import Testing

@Suite struct ByteViewTests {
    @Test func `views are equal where every byte is, whatever their length`() {
        for length in 0..<40 {
            let bytes = (0..<length).map { UInt8($0) }
            #expect(bytes.withView { first in Array(bytes).withView { first.equals($0) } })
            for index in bytes.indices {
                var other = bytes
                other[index] ^= 0x40
                #expect(!bytes.withView { first in other.withView { first.equals($0) } })
            }
        }
    }

    @Test func `a run ends at its stop, and its hash depends on its bytes alone`() {
        for length in 0..<40 {
            for behind in 0..<20 {
                let run = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 37 | 0x80) }
                let alone = run.withView { $0.run(from: 0, to: 0x2F, seed: 7) }
                let bytes = [1, 2, 3] + run + [0x2F] + Array(repeating: 0x2F, count: behind)
                let inside = bytes.withView { $0.run(from: 3, to: 0x2F, seed: 7) }
                #expect(alone.end == length && inside.end == 3 + length && inside.hash == alone.hash)
            }
        }
    }

    @Test func `decimal digits are read and anything else is refused`() {
        #expect(ByteView("0").decimal() == 0)
        #expect(ByteView("18446744").decimal() == 18_446_744)
        for bad: StaticString in ["", "+1", "-1", "1 ", "1a", "1234567890123456789"] {
            #expect(ByteView(bad).decimal() == nil)
        }
    }

    @Test func `the first of a byte is found at every distance`() {
        for length in 0..<70 {
            let bytes = [UInt8](repeating: 0x61, count: length) + [0x0A] + [UInt8](repeating: 0x61, count: 5)
            #expect(bytes.withView { $0.firstIndex(of: 0x0A) } == length)
        }
        #expect(ByteView("abc").firstIndex(of: 0x0A) == nil)
    }

    @Test func `eight letters are lowered like each of them`() {
        for byte in UInt8.min...UInt8.max {
            for place in 0..<8 {
                var bytes = [UInt8](repeating: 0x40, count: 8)
                bytes[place] = byte
                let expected = bytes.map { ASCII.lowercased($0) }
                let word = bytes.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
                let lowered = ASCII.lowercased(eight: word)
                #expect((0..<8).map { UInt8(truncatingIfNeeded: lowered >> (8 * UInt64($0))) } == expected)
            }
        }
    }

    @Test func `views are compared whole, whatever their length and place of difference`() {
        for length in 0..<40 {
            let bytes = (0..<length).map { UInt8(0x41 + $0 % 26) }
            let lowered = bytes.map { ASCII.lowercased($0) }
            bytes.withView { view in
                lowered.withView { #expect(view.equalsIgnoringCase($0)) }
                bytes.withView { #expect(view.equals($0)) }
                for place in bytes.indices {
                    var other = bytes
                    other[place] = 0x21
                    other.withView { #expect(!view.equals($0)) }
                    other = lowered
                    other[place] = 0x21
                    other.withView { #expect(!view.equalsIgnoringCase($0)) }
                }
            }
        }
    }

    @Test func `bytes have an order: by length, then by the first difference`() {
        let words = [
            "", "b", "aa", "ab", "zzzzzzz", "aaaaaaaa", "aaaaaaab", "aaaaaaaba", "aaaaaaabb",
            "aaaaaaab\u{7F}",
        ]
        .map { Array($0.utf8) }
        for (left, leftWord) in words.enumerated() {
            for (right, rightWord) in words.enumerated() {
                let order = leftWord.withView { view in rightWord.withView { view.order($0) } }
                #expect(order.signum() == (left - right).signum())
            }
        }
    }

    @Test func `token characters are those of RFC 9110`() {
        let specials = Array("!#$%&'*+-.^_`|~".utf8)
        for byte in UInt8.min...UInt8.max {
            let expected = specials.contains(byte) || ASCII.isLetter(byte) || ASCII.isDigit(byte)
            #expect(ASCII.isToken(byte) == expected, "byte \(byte)")
        }
    }
}
