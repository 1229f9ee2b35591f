/// What a command has to say: the caller writes it and exits.
package struct CommandResult: Equatable, Sendable {
    /// For standard output; ends with a line end where it is not empty.
    package var output = ""
    /// For standard error, likewise.
    package var complaint = ""
    package var exitCode: Int32

    package init(output: String = "", complaint: String = "", exitCode: Int32) {
        self.output = output
        self.complaint = complaint
        self.exitCode = exitCode
    }
    /// - Parameter code: 1 for what went wrong, 2 for what was asked wrongly.
    static func failed(_ reason: String, code: Int32 = 1) -> CommandResult {
        CommandResult(complaint: "floodgate: \(reason.withoutControls)\n", exitCode: code)
    }
}

extension String {
    /// Control characters replaced: what came over the network must not steer a terminal.
    var withoutControls: String {
        String(
            String.UnicodeScalarView(
                unicodeScalars.map { $0.properties.generalCategory == .control ? "\u{FFFD}" : $0 }))
    }
}
