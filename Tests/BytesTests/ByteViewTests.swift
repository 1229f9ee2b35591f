import Bytes
import Testing

@Suite struct ByteViewTests {
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

    @Test func `token characters are those of RFC 9110`() {
        let specials = Array("!#$%&'*+-.^_`|~".utf8)
        for byte in UInt8.min...UInt8.max {
            let expected = specials.contains(byte) || ASCII.isLetter(byte) || ASCII.isDigit(byte)
            #expect(ASCII.isToken(byte) == expected, "byte \(byte)")
        }
    }
}
