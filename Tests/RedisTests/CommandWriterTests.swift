import Bytes
import Redis
import Testing

struct CommandWriterTests {
    @Test func `a command is an array of bulk strings`() {
        let command = written { writer in
            writer.begin(4)
            writer.word("SET")
            writer.word(ByteView("prefix:"), ByteView("once:"), ByteView("key"))
            writer.word([0x00, 0x0D, 0x0A, 0xFF])
            writer.word("")
        }
        #expect(
            Array(command.utf8)
                == Array(
                    "*4\r\n$3\r\nSET\r\n$15\r\nprefix:once:key\r\n$4\r\n\0\r\n\u{FFFD}\r\n$0\r\n\r\n".utf8))
    }

    @Test(arguments: [
        (0, "$1\r\n0\r\n"), (7, "$1\r\n7\r\n"), (10, "$2\r\n10\r\n"), (-1, "$2\r\n-1\r\n"),
        (-1000, "$5\r\n-1000\r\n"), (Int.max, "$19\r\n9223372036854775807\r\n"),
        (Int.min, "$20\r\n-9223372036854775808\r\n"),
    ])
    func `a number is written with the length that it has`(number: Int, expected: String) {
        let command = written { writer in
            writer.begin(1)
            writer.word(decimal: number)
        }
        #expect(command == "*1\r\n" + expected)
    }

    @Test func `what does not fit is noticed`() {
        for capacity in 1...26 {
            let scratch = Scratch(size: capacity)
            var writer = CommandWriter(scratch.view)
            writer.begin(2)
            writer.word("GET")
            writer.word("key12")
            verify(writer.isWhole == (capacity >= 24), "\(capacity)")
            verify(writer.overflowed == (capacity < 24), "\(capacity)")
        }
    }

    @Test func `a script is named by its digest`() {
        let script = Script("return 1")
        #expect(String(decoding: script.digest, as: UTF8.self) == "e0e1f9fabfc9d4800c877a703b823ac0578ff8db")
        let command = written { writer in
            writer.begin(script, keys: 1, arguments: 1)
            writer.word("k")
            writer.word("a")
        }
        #expect(command.hasPrefix("*5\r\n$7\r\nEVALSHA\r\n$40\r\ne0e1f9"))
        #expect(command.hasSuffix("$1\r\n1\r\n$1\r\nk\r\n$1\r\na\r\n"))
    }
}
