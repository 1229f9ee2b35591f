import ArgumentParser
import Glibc
import Reactor

/// What commands say to people and programs.
// SAFETY: the bytes live through each write.
enum Terminal {
    /// To standard output, at once: nothing is held back that a kill would lose.
    static func say(_ text: String) { write(text, to: STDOUT_FILENO) }

    /// To standard error.
    static func complain(_ text: String) { write(text, to: STDERR_FILENO) }

    static var isInteractive: Bool { isatty(STDOUT_FILENO) == 1 }

    /// How this program was called, as it can be typed in the folder where it was called.
    static var command: String {
        let path = CommandLine.arguments.first ?? "floodgate"
        guard let folder = ProcessFiles.environment["PWD"], path.hasPrefix(folder + "/") else { return path }
        return String(path.dropFirst(folder.utf8.count + 1))
    }

    private static func write(_ text: String, to descriptor: Int32) {
        var bytes = Array((text.hasSuffix("\n") ? text : text + "\n").utf8)[...]
        while !bytes.isEmpty {
            let count = unsafe bytes.withUnsafeBytes {
                unsafe Glibc.write(descriptor, $0.baseAddress, $0.count)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return }
            bytes = bytes.dropFirst(count)
        }
    }
}

extension ParsableCommand {
    /// Says why it cannot go on, and ends with status 1.
    func give(up reason: some CustomStringConvertible) -> ExitCode {
        Terminal.complain(reason.description)
        return ExitCode(1)
    }
}
