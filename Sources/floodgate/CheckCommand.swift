import ArgumentParser
import Control
import Proxy
import Settings

struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Check a settings file: every error at once, and routes without a limit.",
        discussion: "Ends with 0 where the file can be served, with 1 where it cannot.")

    @Argument(help: "The settings file.")
    var file: String

    @Flag(help: "Routes without a limit are errors.")
    var everyRouteLimited = false

    func run() throws {
        let loaded: SettingsFile.Contents
        do throws(SettingsFile.Failure) {
            loaded = try SettingsFile(path: file).load()
        } catch {
            throw give(up: error)
        }
        for warning in loaded.warnings { Terminal.complain(warning.description) }
        let settings = loaded.settings
        let counts = [
            count(settings.routes.count, "route"), count(settings.upstreams.count, "upstream"),
            count(settings.limits.count, "limit"),
        ]
        Terminal.say("\(file): ok: \(counts.joined(separator: ", "))")
        let memory = MemoryLimit.find(settings.memoryLimit)
        Terminal.say("memory limit: \(memory.bytes >> 20) MiB, \(memory.reason)")
        let gaps = RouteCoverage.report(settings)
        if gaps.isEmpty {
            Terminal.say("every proxied route has a limit")
            return
        }
        Terminal.say("\(count(gaps.count, "proxied route")) without a limit:")
        for gap in gaps { Terminal.say("  \(gap.path)\(gap.name == gap.path ? "" : "  (\(gap.name))")") }
        if everyRouteLimited { throw ExitCode(1) }
    }

    private func count(_ number: Int, _ noun: String) -> String {
        "\(number) \(noun)\(number == 1 ? "" : "s")"
    }
}
