import FuzzTargets
import Glibc

/// Gives libFuzzer's inputs to one target.
enum Fuzzer {
    /// The target of this process: set once, before the first input.
    nonisolated(unsafe) private static var target = FuzzTarget.requestHead

    static func main(_ arguments: [String]) -> Int32 {
        guard arguments.count >= 2, let wanted = FuzzTarget(rawValue: arguments[1]) else {
            say("usage: fuzzer \(FuzzTarget.allCases.map(\.rawValue).joined(separator: "|")) …")
            return 2
        }
        target = wanted
        if arguments.count > 3, arguments[2] == "heap" { return Heap.check(target, arguments[3...]) }
        var words: [UnsafeMutablePointer<CChar>?] =
            ([arguments[0], "-max_len=\(target.longestInput)"] + arguments[2...]).map { strdup($0) }
        var count = Int32(words.count)
        words.append(nil)
        return words.withUnsafeMutableBufferPointer { words in
            var base = words.baseAddress
            return withUnsafeMutablePointer(to: &base) { runDriver(&count, $0, Fuzzer.hand) }
        }
    }

    /// One input. A broken property ends the process, which libFuzzer takes for a crash and keeps the input.
    private static let hand: @convention(c) (UnsafePointer<UInt8>?, Int) -> Int32 = { start, count in
        check(Array(UnsafeBufferPointer(start: start, count: count)))
        return 0
    }

    static func check(_ bytes: [UInt8]) {
        do throws(Violation) {
            try target.check(bytes)
        } catch {
            say("BROKEN PROPERTY of \(target.rawValue): \(error)")
            abort()
        }
    }

    static func say(_ text: String) {
        let line = Array("\(text)\n".utf8)
        _ = line.withUnsafeBytes { write(2, $0.baseAddress, $0.count) }
    }
}

/// Whether the heap comes back to where it was: every input again and again, and the bytes in use counted.
enum Heap {
    /// Bytes that the rounds together may leave behind: far less than one byte an input would come to.
    private static let tolerance = 4096
    private static let rounds = 12

    static func check(_ target: FuzzTarget, _ folders: ArraySlice<String>) -> Int32 {
        let inputs = folders.flatMap(files).sorted().compactMap(bytes)
        // The first rounds fill what is kept on purpose: tables, pools, names.
        for _ in 0..<3 { for input in inputs { Fuzzer.check(input) } }
        let before = allocatedBytes()
        for _ in 0..<rounds { for input in inputs { Fuzzer.check(input) } }
        let growth = Int(allocatedBytes()) - Int(before)
        let checks = rounds * inputs.count
        Fuzzer.say("heap of \(target.rawValue): \(before) bytes, \(growth) more after \(checks) inputs")
        return growth <= tolerance ? 0 : 1
    }

    private static func files(in folder: String) -> [String] {
        guard let directory = opendir(folder) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if !name.hasPrefix(".") { names.append("\(folder)/\(name)") }
        }
        return names
    }

    private static func bytes(of path: String) -> [UInt8]? {
        guard let file = fopen(path, "rb") else { return nil }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 1 << 20)
        let count = fread(&bytes, 1, bytes.count, file)
        return Array(bytes.prefix(count))
    }
}

@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
    _ count: UnsafeMutablePointer<Int32>,
    _ words: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>,
    _ hand: @convention(c) (UnsafePointer<UInt8>?, Int) -> Int32
) -> Int32

@_silgen_name("__sanitizer_get_current_allocated_bytes")
private func allocatedBytes() -> UInt
