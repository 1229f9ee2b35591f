import Bytes

/// A file of addresses: one block or address on a line, blanks around it; `#` begins a comment, at the end of
/// a line too.
package enum AddressListFile {
    /// Blocks that a file may have: 8 bytes each in memory, 32 for IPv6.
    package static let longest = 1_000_000
    /// Bytes that it may have.
    package static let largest = 64 << 20
    /// Bad lines that are named; what follows is only counted.
    package static let toldFaults = 10

    package struct Fault: Error, Equatable, Sendable {
        /// From 1.
        package let line: Int
        package let reason: String
    }

    package struct Contents: Sendable {
        package var ranges: [AddressRange] = []
        package var faults: [Fault] = []
        /// Bad lines, those included that are not in `faults`.
        package var faultCount = 0
    }

    package static func read(_ bytes: ByteView) -> Contents {
        var contents = Contents()
        var (start, number) = (0, 0)
        while start < bytes.count {
            let end = bytes.firstIndex(of: 0x0A, from: start) ?? bytes.count
            number += 1
            let text = payload(bytes.slice(start, end))
            start = end + 1
            guard !text.isEmpty else { continue }
            do throws(AddressRange.Fault) {
                let range = try AddressRange(reading: text)
                guard contents.ranges.count < longest else {
                    contents.faultCount += 1
                    contents.faults.append(Fault(line: number, reason: "more than \(longest) addresses"))
                    return contents
                }
                contents.ranges.append(range)
            } catch {
                contents.faultCount += 1
                guard contents.faults.count < toldFaults else { continue }
                contents.faults.append(Fault(line: number, reason: error.reason(of: text.prefixText(64))))
            }
        }
        return contents
    }

    private static func payload(_ line: ByteView) -> ByteView {
        var text = line.prefix(line.firstIndex(of: 0x23) ?? line.count)
        if text.count > 0, text[text.count - 1] == 0x0D { text = text.prefix(text.count - 1) }
        return text.trimmed()
    }
}

extension ByteView {
    /// The first bytes as text for a message, without what could steer a terminal.
    fileprivate func prefixText(_ limit: Int) -> String {
        String(
            String.UnicodeScalarView(
                prefix(min(count, limit)).text().unicodeScalars.map { $0.value < 0x20 ? "?" : $0 }))
    }
}
