/// Which certificate serves which name: exact names first, then wildcards of one label (RFC 6125 §6.4.3).
package struct ServerNames: Equatable, Sendable {
    private var exact: [String: [Int]] = [:]
    private var wildcards: [String: [Int]] = [:]

    package init() {}

    /// Adds a certificate's names, as they stand in it: `example.com`, `*.example.com`.
    package mutating func add(_ names: [String], certificate: Int) {
        for name in names {
            let name = Self.normal(name)
            if name.hasPrefix("*.") {
                wildcards[String(name.dropFirst(2)), default: []].append(certificate)
            } else {
                exact[name, default: []].append(certificate)
            }
        }
    }

    /// Certificates for a name, in the order of the settings; empty where none is for it.
    package func certificates(for name: String) -> [Int] {
        let name = Self.normal(name)
        if let found = exact[name] { return found }
        guard let dot = name.firstIndex(of: "."), dot != name.startIndex else { return [] }
        return wildcards[String(name[name.index(after: dot)...])] ?? []
    }

    /// Every distinct choice that a name can lead to.
    package var choices: Set<[Int]> { Set(exact.values).union(wildcards.values) }

    private static func normal(_ name: String) -> String {
        let lowered = name.lowercased()
        return lowered.hasSuffix(".") ? String(lowered.dropLast()) : lowered
    }
}
