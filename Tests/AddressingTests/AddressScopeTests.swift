import Testing

@testable import Addressing

@Suite struct AddressScopeTests {
    @Test func `every range of the table is one`() {
        #expect(AddressScope.ranges.count == AddressScope.table.count)
    }

    @Test(arguments: [
        ("8.8.8.8", AddressScope.global), ("1.1.1.1", .global), ("172.15.255.255", .global),
        ("172.32.0.0", .global), ("100.63.255.255", .global), ("100.128.0.0", .global),
        ("168.63.129.15", .global), ("192.0.1.0", .global), ("223.255.255.255", .global),
        ("2606:4700::1111", .global), ("2a00:1450:4001::1", .global),

        ("127.0.0.1", .loopback), ("127.255.255.255", .loopback), ("::1", .loopback),
        ("::ffff:127.0.0.1", .loopback),
        ("10.0.0.1", .privateUse), ("172.16.0.1", .privateUse), ("172.31.255.255", .privateUse),
        ("192.168.1.1", .privateUse), ("100.64.0.1", .privateUse), ("198.19.255.255", .privateUse),
        ("fc00::1", .privateUse), ("fdff::1", .privateUse), ("fec0::1", .privateUse),
        ("::ffff:10.0.0.1", .privateUse),
        ("169.254.0.1", .linkLocal), ("fe80::1", .linkLocal), ("febf::1", .linkLocal),

        ("169.254.169.254", .metadata), ("169.254.170.2", .metadata), ("169.254.170.23", .metadata),
        ("::ffff:169.254.169.254", .metadata), ("fd00:ec2::254", .metadata), ("fd00:ec2::23", .metadata),
        ("fd20:ce::254", .metadata), ("fe80::a9fe:a9fe", .metadata), ("100.100.100.200", .metadata),
        ("192.0.0.192", .metadata), ("168.63.129.16", .metadata),

        ("0.0.0.0", .unspecified), ("0.1.2.3", .unspecified), ("::", .unspecified),
        ("224.0.0.1", .multicast), ("239.255.255.255", .multicast), ("ff02::1", .multicast),
        ("255.255.255.255", .reserved), ("240.0.0.1", .reserved), ("192.0.2.1", .reserved),
        ("198.51.100.1", .reserved), ("203.0.113.9", .reserved), ("192.0.0.8", .reserved),
        ("2001:db8::1", .reserved), ("3fff::1", .reserved), ("2001:20::1", .reserved), ("100::1", .reserved),
        ("5f00::1", .reserved), ("4000::1", .reserved),

        ("2002:7f00:1::", .translated), ("2001:0:7f00:1::", .translated), ("::127.0.0.1", .translated),
        ("::ffff:0:127.0.0.1", .translated), ("64:ff9b:1::a00:1", .translated), ("192.88.99.1", .translated),
        ("64:ff9b::8.8.8.8", .global), ("64:ff9b::127.0.0.1", .loopback), ("64:ff9b::10.1.2.3", .privateUse),
        ("64:ff9b::169.254.169.254", .metadata), ("64:ff9b::0.0.0.0", .unspecified),
    ])
    func `an address is told by where it leads`(text: String, scope: AddressScope) {
        #expect(IPAddress(text)?.scope == scope)
    }
}
