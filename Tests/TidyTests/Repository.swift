import Foundation

/// The repository that these tests were built from, read from the disk.
enum Repository {
    /// Found from this file's own place: `<root>/Tests/TidyTests/Repository.swift`.
    static let root = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path

    /// Every Swift file below Sources and Tests, and the manifest.
    static let swiftFiles: [SourceFile] =
        (files(under: "Sources") + files(under: "Tests") + ["Package.swift"])
        .filter { $0.hasSuffix(".swift") }
        .compactMap { path in text(of: path).map { SourceFile(path: path, text: $0) } }

    /// The text of a file, or nil where there is none.
    static func text(of path: String) -> String? {
        FileManager.default.contents(atPath: root + "/" + path).map { String(decoding: $0, as: UTF8.self) }
    }

    /// Paths from the root of the files below a folder, sorted.
    static func files(under folder: String) -> [String] {
        guard let walk = FileManager.default.enumerator(atPath: root + "/" + folder) else { return [] }
        return walk.compactMap { $0 as? String }
            .filter { !isFolder(folder + "/" + $0) }
            .map { folder + "/" + $0 }
            .sorted()
    }

    /// Names of the folders directly inside a folder, sorted.
    static func folders(in folder: String) -> [String] {
        let entries = (try? FileManager.default.contentsOfDirectory(atPath: root + "/" + folder)) ?? []
        return entries.filter { isFolder(folder + "/" + $0) }.sorted()
    }

    private static func isFolder(_ path: String) -> Bool {
        var isFolder: ObjCBool = false
        return FileManager.default.fileExists(atPath: root + "/" + path, isDirectory: &isFolder)
            && isFolder.boolValue
    }

    /// Paths that git tracks, and with `including` also those that it would take; nil outside of a git clone.
    static func tracked(includingNew: Bool) -> [String]? {
        let git = Process()
        git.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        git.arguments =
            ["git", "-c", "safe.directory=*", "-C", root, "ls-files", "-z", "--cached"]
            + (includingNew ? ["--others", "--exclude-standard"] : [])
        git.standardInput = FileHandle.nullDevice
        git.standardError = FileHandle.nullDevice
        let output = Pipe()
        git.standardOutput = output
        guard (try? git.run()) != nil else { return nil }
        let listing = output.fileHandleForReading.readDataToEndOfFile()
        git.waitUntilExit()
        guard git.terminationStatus == 0 else { return nil }
        return listing.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
    }
}
