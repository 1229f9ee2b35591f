import Addressing
import Certificates
import Foundation
import Proxy
import Reactor
import Settings
import Testing

@testable import Control

/// The recipes in Config say in their comments what becomes of a few requests, one in a line:
/// `#   GET example.com/path from 10.0.0.5 [Name: value]  -> route orders, upstream app`.
@Suite struct RecipeTests {
    struct Claim: Sendable, CustomStringConvertible {
        let file: String
        let line: String
        let method: String
        /// With the host before it where one is asked for.
        let target: String
        let client: String
        let field: String?
        /// `upstream app`, `limit everyone`, `status 410`, …
        let promises: [String]

        var description: String { "\(file): \(line)" }
    }

    static let claims: [Claim] = recipes.flatMap { file in
        (text(of: file) ?? "").split(separator: "\n").compactMap { claim($0, in: file) }
    }

    @Test(arguments: RecipeTests.claims)
    func `a recipe does what its comment says`(_ claim: Claim) throws {
        let settings = try #require(try Self.load(claim.file).settings)
        let path = try #require(claim.target.firstIndex(of: "/"))
        let host = claim.target[..<path]
        var fields = [(name: "Host", value: host.isEmpty ? "localhost" : String(host))]
        if let parts = claim.field?.split(separator: ": ", maxSplits: 1).map(String.init) {
            fields.append((name: parts[0], value: parts[1]))
        }
        let client = try #require(IPAddress(claim.client))
        let story = try Explanation(settings).text(
            method: claim.method, target: String(claim.target[path...]), client: client, fields: fields)
        let facts = story.split(separator: "\n").flatMap(Self.facts)
        for promise in claim.promises { #expect(facts.contains(promise), "\(promise)\n\(story)") }
        // A limit that is not named would be a surprise.
        if claim.promises.contains(where: { $0.hasPrefix("limit ") }) {
            let limits = claim.promises.filter { $0.hasPrefix("limit ") }
            #expect(facts.filter { $0.hasPrefix("limit ") } == limits)
        }
    }

    @Test func `every recipe makes claims`() {
        #expect(Self.recipes.count >= 5)
        for file in Self.recipes { #expect(Self.claims.contains { $0.file == file }, "\(file)") }
    }

    @Test func `every recipe holds with certificates that fit`() throws {
        for file in Self.recipes { #expect(try Self.load(file).diagnostics.isEmpty, "\(file)") }
    }

    /// What a line of an explanation states, in the words of the comments.
    private static func facts(of line: Substring) -> [String] {
        let words = line.split(separator: " ").map { $0.trimmingCharacters(in: [":", ","]) }
        guard words.count > 1 else { return [] }
        switch words[0] {
        case "clientAddress": return ["client \(words[1])"]
        case "rateLimit", "userRateLimit": return ["limit \(words[1])"]
        case "fixedAnswer": return ["status \(words[1])"]
        case "route" where words[1] == "none": return ["status \(words[2])"]
        default: return ["\(words[0]) \(words[1])"]
        }
    }

    private static func claim(_ line: Substring, in file: String) -> Claim? {
        guard line.hasPrefix("#   "), let arrow = line.range(of: "->") else { return nil }
        let request = line[..<arrow.lowerBound].dropFirst(4).trimmingCharacters(in: .whitespaces)
        let words = request.split(separator: " ").map(String.init)
        guard words.count > 1 else { return nil }
        let from = words.firstIndex(of: "from").map { words[$0 + 1] }
        let field = request.firstIndex(of: "[").map {
            String(request[request.index(after: $0)...].dropLast())
        }
        return Claim(
            file: file, line: request, method: words[0], target: words[1], client: from ?? "203.0.113.7",
            field: field,
            promises: line[arrow.upperBound...].split(separator: ",").map {
                $0.trimmingCharacters(in: .whitespaces)
            })
    }

    private static let folder = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "Config")

    /// Every file but the one that is started by `floodgate demo` and the one that is generated.
    private static let recipes: [String] = {
        let files = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        return files.filter { $0.hasSuffix(".yaml") && !["quickstart.yaml", "reference.yaml"].contains($0) }
            .sorted()
    }()

    private static func text(of file: String) -> String? {
        try? String(contentsOf: folder.appending(path: file), encoding: .utf8)
    }

    /// What recipes must be given by their environment, and never have a default for.
    private static let secrets = [
        "SUPABASE_JWT_SECRET": String(repeating: "s", count: 32),
        "PARTNER_SECRET": String(repeating: "s", count: 40),
    ]

    /// Reads a recipe; the files of certificates that it names hold what `CredentialFolder` puts there.
    private static func load(_ file: String) throws -> Loaded<GatewaySettings> {
        let credentials = CredentialFolder(now: SystemClock.wallTime().seconds)
        return GatewaySettings.load(
            text: try #require(text(of: file)), file: file,
            environment: ProcessFiles.environment.merging(Self.secrets) { $1 },
            credentials: CredentialFiles(now: credentials.now, read: credentials.read))
    }
}

/// The folder that recipes take their certificates from, as a gateway would find it: `NAME.pem` and
/// `NAME.key` are for that name, `…-authority.pem` is who signs, `tickets.N` a key for session tickets.
private final class CredentialFolder {
    let now: Int64
    private let authority: DevelopmentAuthority?
    private var leaves: [String: DevelopmentAuthority.Leaf] = [:]

    init(now: Int64) {
        self.now = now
        authority = try? DevelopmentAuthority.make(now: now, serial: Self.serial())
    }

    func read(_ path: String) -> Result<[UInt8], CredentialFiles.Unreadable> {
        if path == "/etc/floodgate/keys.json" { return .success(Array("{\"keys\": []}".utf8)) }
        let file = URL(filePath: path)
        let name = file.deletingPathExtension().lastPathComponent
        let text =
            switch file.pathExtension {
            case "pem" where name.hasSuffix("-authority"): authority?.certificatePEM
            case "pem": leaf(for: name)?.certificatePEM
            case "key": leaf(for: name)?.keyPEM
            case _ where name == "tickets": String(repeating: "t", count: 80)
            default: String?.none
            }
        guard let text, path.hasPrefix("/etc/floodgate/certs/") else {
            return .failure(CredentialFiles.Unreadable("no recipe's file is called so"))
        }
        return .success(Array(text.utf8))
    }

    private func leaf(for name: String) -> DevelopmentAuthority.Leaf? {
        if let leaf = leaves[name] { return leaf }
        let leaf = try? authority?.leaf(
            names: [AlternativeName(wanted: name)], use: .serverAndClient, now: now, serial: Self.serial())
        leaves[name] = leaf
        return leaf
    }

    private static func serial() -> [UInt8] { (0..<16).map { _ in UInt8.random(in: .min ... .max) } }
}
