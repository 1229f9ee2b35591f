/// A module imports only what stands before it in the house, and the manifest says the same.
enum ImportDirection {
    /// Every module of ours with all that it may import of ours and of others.
    static let allowed: [String: Set<String>] = [
        "Bytes": [],
        "Time": ["Bytes"],
        "JSON": ["Bytes"],
        "Calls": ["Bytes", "JSON"],
        "JWT": ["Bytes", "Time", "JSON", "COpenSSL"],
        "Slots": [],
        "Addressing": ["Bytes"],
        "HTTPModel": ["Bytes"],
        "TLS": ["Bytes", "COpenSSL"],
        "HTTP2": ["Bytes", "HTTPModel", "CNghttp2"],
        "Reactor": ["Bytes", "Time", "Addressing", "CLinux"],
        "HTTP1": ["Bytes", "HTTPModel"],
        "Settings": ["Bytes", "Addressing", "CYAML"],
        "Telemetry": ["Bytes", "Time", "Settings"],
        "Fetch": [
            "Bytes", "Time", "Addressing", "HTTPModel", "HTTP1", "TLS", "Reactor", "JSON", "Telemetry",
        ],
        "Upstream": ["Time", "Slots", "Addressing", "Settings", "TLS"],
        "Pipeline": [
            "Bytes", "Time", "Addressing", "HTTPModel", "JSON", "JWT", "Calls", "Settings", "Telemetry",
        ],
        "Redis": ["Bytes", "Time", "CHiredis"],
        "Stores": [
            "Bytes", "Time", "Addressing", "TLS", "JWT", "Redis", "Reactor", "Pipeline", "Telemetry",
        ],
        "Proxy": [
            "Bytes", "Time", "Slots", "Addressing", "HTTPModel", "HTTP1", "HTTP2", "WebSocket", "TLS",
            "Certificates", "JWT", "Calls", "Reactor", "Fetch", "Redis", "Pipeline", "Upstream", "Stores",
            "Telemetry", "Settings",
        ],
        "Control": [
            "Bytes", "Time", "Addressing", "HTTPModel", "HTTP1", "Reactor", "JSON", "JWT", "Fetch", "Redis",
            "Pipeline", "Upstream", "Stores", "Proxy", "Telemetry", "Settings", "TLS", "Certificates",
        ],
        "Demo": ["COpenSSL"],
        "WebSocket": ["Bytes"],
        "Certificates": ["Time", "Addressing", "COpenSSL"],
        "floodgate": [
            "Addressing", "Certificates", "Control", "Demo", "Proxy", "Reactor", "Settings", "Time",
            "ArgumentParser",
        ],
    ]

    /// Modules of pure decisions, which do no input or output: the C library stays out of their sight.
    static let pure: Set<String> = [
        "HTTPModel", "HTTP1", "JSON", "JWT", "Calls", "Upstream", "Pipeline", "WebSocket", "Redis",
    ]

    /// What comes with the language: no direction to keep, but no system calls in pure modules.
    private static let language: Set<String> = ["Swift", "Synchronization"]

    static func imports(_ file: SourceFile) -> [Finding] {
        guard file.path.hasPrefix("Sources/"), let module = file.module else { return [] }
        guard let allowed = allowed[module] else {
            let message = "module \(module) is not in ImportDirection.allowed: add what it may import"
            return [Finding(path: file.path, line: 1, message: message)]
        }
        let visible = allowed.union(language).union(pure.contains(module) ? [] : ["Glibc"])
        return file.code.indices.compactMap { index in
            guard let imported = importedModule(file.code[index]), !visible.contains(imported) else {
                return nil
            }
            let list = allowed.sorted().joined(separator: ", ")
            let message =
                "\(module) must not import \(imported) (it may: \(list)): move the code, or pass the value in"
            return Finding(path: file.path, line: index + 1, message: message)
        }
    }

    /// `import X`, `package import X`, `@testable import X`, `import struct X.Y`: X.
    static func importedModule(_ line: String) -> String? {
        let words = line.split(separator: " ").map(String.init)
        guard let keyword = words.firstIndex(of: "import") else { return nil }
        let modifiers = words[..<keyword]
        guard
            modifiers.allSatisfy({
                $0.hasPrefix("@") || ["package", "public", "internal", "private"].contains($0)
            })
        else { return nil }
        let kinds = ["struct", "class", "enum", "protocol", "func", "var", "let", "typealias"]
        let names = words[(keyword + 1)...].drop { kinds.contains($0) }
        return names.first.map { String($0.prefix { $0 != "." }) }
    }

    /// The manifest's dependencies of each module equal `allowed`.
    static func manifest(_ text: String, path: String = "Package.swift") -> [Finding] {
        let declared = Manifest.modules(in: text)
        var findings: [Finding] = []
        for module in declared.sorted(by: { $0.line < $1.line }) {
            let expected = allowed[module.name] ?? []
            guard allowed[module.name] == nil || module.dependencies != expected else { continue }
            let message =
                "\(module.name) depends on \(module.dependencies.sorted()), ImportDirection.allowed says "
                + "\(expected.sorted()): change one of them, knowing which direction is meant"
            findings.append(Finding(path: path, line: module.line, message: message))
        }
        for name in allowed.keys.sorted() where !declared.contains(where: { $0.name == name }) {
            let message =
                "module \(name) is in ImportDirection.allowed but not here: delete it there or declare it"
            findings.append(Finding(path: path, line: 1, message: message))
        }
        return findings
    }
}

/// What the manifest says of its modules, read from its text.
enum Manifest {
    struct Module {
        let name: String
        let line: Int
        let dependencies: Set<String>
    }

    /// The calls `module("Name", [...])` and `.executableTarget(name: "Name", dependencies: [...])`.
    static func modules(in text: String) -> [Module] {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        return lines.indices.compactMap { index in
            let start = lines[index].drop { $0 == " " }
            guard start.hasPrefix("module(") || start.hasPrefix(".executableTarget(") else { return nil }
            var names = quoted(call(from: index, in: lines))
            guard !names.isEmpty else { return nil }
            let name = names.removeFirst()
            return Module(name: name, line: index + 1, dependencies: Set(names))
        }
    }

    /// The text of a call from the line it begins on to its closing parenthesis.
    private static func call(from index: Int, in lines: [String]) -> String {
        var depth = 0
        var text = ""
        for character in lines[index...].joined(separator: " ") {
            text.append(character)
            if character == "(" { depth += 1 }
            if character == ")" { depth -= 1 }
            if character == ")", depth == 0 { break }
        }
        return text
    }

    /// The literals of a call; of `.product(name: "A", package: "B")` only A.
    private static func quoted(_ text: String) -> [String] {
        let parts = text.split(separator: "\"", omittingEmptySubsequences: false).map(String.init)
        return parts.indices.filter { $0 % 2 == 1 && !parts[$0 - 1].hasSuffix("package: ") }.map { parts[$0] }
    }
}
