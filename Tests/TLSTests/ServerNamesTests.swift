import TLS
import Testing

/// Which certificate serves which name.
@Suite struct ServerNamesTests {
    private var names: ServerNames {
        var names = ServerNames()
        names.add(["example.com", "www.example.com"], certificate: 0)
        names.add(["*.example.com"], certificate: 1)
        names.add(["*.example.com", "Deep.Sub.Example.com."], certificate: 2)
        names.add(["*.com", "*", "*."], certificate: 3)
        return names
    }

    private static let cases: [(String, [Int])] = [
        ("example.com", [0]), ("EXAMPLE.com", [0]), ("example.com.", [0]), ("www.example.com", [0]),
        ("api.example.com", [1, 2]), ("deep.sub.example.com", [2]), ("a.b.example.com", []),
        (".example.com", []), ("other.com", [3]), ("example.org", []), ("com", []), ("", []), (".", []),
        ("..", []), ("*.example.com", [1, 2]), ("x.*.example.com", []),
    ]

    @Test(arguments: cases)
    func `exact names go before wildcards of one label`(name: String, certificates: [Int]) {
        #expect(names.certificates(for: name) == certificates)
    }

    @Test func `every choice that a name leads to is among the choices`() {
        let choices = names.choices
        for (name, certificates) in Self.cases where !certificates.isEmpty {
            #expect(choices.contains(certificates), "\(name)")
        }
    }
}
