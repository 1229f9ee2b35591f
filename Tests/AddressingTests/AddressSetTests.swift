import Addressing
import Bytes
import Testing

@Suite struct AddressSetTests {
    @Test(arguments: [
        ("10.0.0.0", true), ("10.255.255.255", true), ("11.0.0.0", false), ("9.255.255.255", false),
        ("192.0.2.7", true), ("192.0.2.8", false), ("::ffff:10.1.2.3", true), ("::a01:203", false),
        ("2001:db8::", true), ("2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", true), ("2001:db9::", false),
        ("0.0.0.0", false), ("255.255.255.255", true), ("::", false),
    ])
    func `an address is in the set where one of its blocks has it`(text: String, isIn: Bool) throws {
        let texts = [
            "10.0.0.0/9", "10.128.0.0/9", "10.1.0.0/16", "192.0.2.7", "2001:db8::/32", "255.255.255.255",
        ]
        let set = AddressSet(texts.compactMap { AddressRange($0) })
        #expect(set.contains(try #require(IPAddress(text))) == isIn)
        // The three blocks within 10.0.0.0/8 are one.
        #expect(set.count == 4)
    }

    @Test(arguments: ["0.0.0.0/0", "::/0"])
    func `a block of everything speaks of its own family alone`(text: String) throws {
        let set = AddressSet([try #require(AddressRange(text))])
        #expect(set.contains(IPAddress(ipv4: 0)) == (text == "0.0.0.0/0"))
        #expect(set.contains(IPAddress(ipv4: .max)) == (text == "0.0.0.0/0"))
        #expect(set.contains(IPAddress(bits: 1)) == (text == "::/0"))
        #expect(set.contains(IPAddress(bits: .max)) == (text == "::/0"))
    }

    @Test func `an empty set has nobody`() {
        #expect(!AddressSet([]).contains(.loopback))
        #expect(!AddressSet([]).contains(IPAddress(bits: 1)))
    }

    @Test(arguments: 0..<50 as Range<UInt64>)
    func `a set has exactly what its blocks have, one by one`(seed: UInt64) {
        var random = Seeded(state: seed)
        let ranges = (0..<Int.random(in: 0...60, using: &random)).map { _ in
            // Few addresses, so that blocks meet, overlap and adjoin.
            let isIPv4 = Bool.random(using: &random)
            let low = UInt32.random(in: 0..<4096, using: &random)
            let address = isIPv4 ? IPAddress(ipv4: low) : IPAddress(bits: UInt128(low) << 16)
            let length = Int.random(in: isIPv4 ? 18...32 : 98...128, using: &random)
            return AddressRange(base: address, length: length)
        }
        let set = AddressSet(ranges)
        for low in 0..<4096 as Range<UInt32> {
            for address in [IPAddress(ipv4: low), IPAddress(bits: UInt128(low) << 16)] {
                #expect(set.contains(address) == ranges.contains { $0.contains(address) }, "seed \(seed)")
            }
        }
        #expect(set == AddressSet(ranges.shuffled(using: &random)))
    }
}

@Suite struct AddressListFileTests {
    private func read(_ text: String) -> AddressListFile.Contents {
        Array(text.utf8).withView { AddressListFile.read($0) }
    }

    @Test func `blocks stand on lines, among blanks and comments`() {
        let contents = read(
            "# office\n\n 10.0.0.0/8\t# all of it\r\n192.0.2.1\n2001:db8::/32\n::ffff:172.16.0.0/108")
        #expect(contents.faultCount == 0)
        #expect(
            contents.ranges.map(\.description)
                == ["10.0.0.0/8", "192.0.2.1/32", "2001:db8::/32", "172.16.0.0/12"])
    }

    @Test(arguments: [
        ("10.0.0.0/33", "from 0 to 32"), ("10.0.0.5/8", "did you mean \"10.0.0.0/8\""),
        ("example.com", "no address"), ("10.0.0.0/", "from 0 to 32"),
        ("10.0.0.0/8 10.0.0.0/9", "from 0 to 32"),
        ("::ffff:10.0.0.0/8", "from 0 to 128"), ("2001:db8::/129", "from 0 to 128"), ("/8", "no address"),
        ("010.0.0.1", "no address"), ("10.0.0.1-10.0.0.9", "no address"),
    ])
    func `a bad line is told with its number`(line: String, reason: String) throws {
        let contents = read("10.0.0.0/8\n#\n\(line)\n192.0.2.1\n")
        let fault = try #require(contents.faults.first)
        #expect(fault.line == 3)
        #expect(fault.reason.contains(reason), "\(fault.reason)")
        #expect(contents.faultCount == 1)
        #expect(contents.ranges.count == 2)
    }

    @Test func `of many bad lines some are told, and all are counted`() {
        let contents = read(String(repeating: "nobody\n", count: 500))
        #expect(contents.faultCount == 500)
        #expect(contents.faults.map(\.line) == Array(1...AddressListFile.toldFaults))
    }

    @Test func `more than a million addresses are refused`() {
        let contents = read(String(repeating: "10.0.0.1\n", count: AddressListFile.longest + 2))
        #expect(contents.faults.map(\.line) == [AddressListFile.longest + 1])
    }
}

/// SplitMix64.
private struct Seeded: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
